"""The part of a trained system that is exported: from stored squares to unit embeddings."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jaxtyping import Array, Float, UInt8

from lfw_jax.backends.backend import FittedBackend
from lfw_jax.backends.unit_length import unit_length
from lfw_jax.errors import UserError
from lfw_jax.faces.configured_descriptors import KINDS
from lfw_jax.inference.backend_embedder import BackendEmbedder
from lfw_jax.inference.embedder import Embedder
from lfw_jax.inference.model.card import ModelCard
from lfw_jax.inference.model.directory import SavedModel
from lfw_jax.inference.model.stored_systems import load_system
from lfw_jax.inference.model.systems import SingleSystem, with_batch_for
from lfw_jax.models import build

_ORDINARY = {"patch_resnet": {"winograd": False}}  # options that choose another arithmetic for the same layers


@dataclasses.dataclass(frozen=True, eq=False)
class Exportable:
    """A trained network, perhaps with a backend, that can be exported.

    Attributes:
      card: the card of its model.
      network: the network with ordinary convolutions in float32.
      embedder: the same as an embedder.
      backend: the backend of its embeddings; None for none.
      system: the system as it is used in JAX, in float32, with which an export is compared.
    """

    card: ModelCard
    network: nn.Module
    embedder: Embedder
    backend: FittedBackend | None
    system: SingleSystem

    @property
    def dim(self) -> int:
        """The length of an embedding."""
        side = self.embedder.geometry.stored_side
        return jax.eval_shape(self.embed_traced, jax.ShapeDtypeStruct((1, side, side, 3), np.uint8)).shape[1]

    def embed_traced(self, squares: UInt8[Array, "images stored stored 3"]) -> Float[Array, "images dim"]:
        """Return the unit embeddings of stored squares: the exported function, in JAX.

        Args:
          squares: the stored squares.
        """
        raw = self.embedder.embed_traced(squares)
        return jnp.asarray(unit_length(raw) if self.backend is None else self.backend.directions(raw))

    def embed(self, squares: UInt8[np.ndarray, "images stored stored 3"]) -> Float[np.ndarray, "images dim"]:
        """Return the unit embeddings of stored squares as `FaceVerifier` computes them, in full float32.

        Args:
          squares: the stored squares, at least one.
        """
        representation = self.system.representation
        assert isinstance(representation, Embedder | BackendEmbedder)
        with jax.default_matmul_precision("highest"):
            return unit_length(with_batch_for(representation, len(squares)).embed(squares))


def exportable_of(model: SavedModel, source: str) -> Exportable:
    """Return the exported part of a trained system.

    Args:
      model: the content of its model directory.
      source: the model directory, for messages.

    Raises:
      UserError: the system is not one network, or its arrays are not those of its card.
    """
    card = model.card.system
    if card.members or card.model["name"] in KINDS:
        found = "fused members" if card.members else f"descriptors ({card.model['name']})"
        raise UserError(
            f"{source}: found {found}; expected a network, with or without a backend, which is the only kind that can be "
            "exported. Give --model of a network, such as a member that was trained on its own."
        )
    options = dict(card.model) | {"dtype": "float32"}
    system = load_system(dataclasses.replace(card, model=options), model.arrays)
    ordinary = options | _ORDINARY.get(card.model["name"], {})
    exported = load_system(dataclasses.replace(card, model=ordinary), model.arrays)
    assert isinstance(system, SingleSystem)
    assert isinstance(exported, SingleSystem)
    representation = exported.representation
    network = build({name: tuple(value) if isinstance(value, list) else value for name, value in ordinary.items()})
    if isinstance(representation, BackendEmbedder):
        return Exportable(model.card, network, representation.embedder, representation.backend, system)
    assert isinstance(representation, Embedder)
    return Exportable(model.card, network, representation, None, system)
