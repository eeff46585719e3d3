"""Trained systems as a card and arrays, and back."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from flax import traverse_util

from lfw_jax.backends.backend import VERSION, FittedBackend
from lfw_jax.errors import UserError
from lfw_jax.faces.configured_descriptors import KINDS, arrays_of, is_joint, restored_descriptors
from lfw_jax.inference.backend_embedder import BackendEmbedder
from lfw_jax.inference.descriptor_embedder import DescriptorEmbedder
from lfw_jax.inference.embedder import Embedder, in_inference_mode
from lfw_jax.inference.model.card import SystemCard
from lfw_jax.inference.model.directory import joined, part
from lfw_jax.inference.model.systems import FaceEmbedder, FusedSystem, Single, SingleSystem
from lfw_jax.models import build, variable_shapes

Arrays = Mapping[str, np.ndarray]
"""Arrays by name, with "/" between the parts of a name."""

MEMBERS = "members"
"""The first part of the names of the arrays of fused members."""

_VARIABLES, _BACKEND = "variables", "backend"
_DESCRIPTORS, _BACKENDS, _JOINT = "descriptors", "backends", "joint"


def single_arrays(representation: Single) -> dict[str, np.ndarray]:
    """Return the arrays of a network or of descriptors, and of their backends.

    Args:
      representation: the network or the descriptors.
    """
    if isinstance(representation, DescriptorEmbedder):
        backends = {f"{index:02}": backend_arrays(backend) for index, backend in enumerate(representation.backends)}
        parts = {_DESCRIPTORS: arrays_of(representation.descriptors), _BACKENDS: joined(backends)}
        return joined(parts | ({_JOINT: backend_arrays(joint)} if (joint := representation.joint) else {}))
    embedder = representation.embedder if isinstance(representation, BackendEmbedder) else representation
    variables = traverse_util.flatten_dict(dict(embedder.variables), sep="/")
    parts = {_VARIABLES: {name: np.asarray(array) for name, array in variables.items()}}
    return joined(
        parts
        | ({_BACKEND: backend_arrays(representation.backend)} if isinstance(representation, BackendEmbedder) else {})
    )


def member_arrays(members: Mapping[str, Arrays]) -> dict[str, np.ndarray]:
    """Return the arrays of fused members.

    Args:
      members: the arrays of each member by its name.
    """
    return joined({f"{MEMBERS}/{name}": arrays for name, arrays in members.items()})


def backend_arrays(backend: FittedBackend) -> dict[str, np.ndarray]:
    """Return the arrays of a backend. Its name, which is text, is in the card.

    Args:
      backend: the backend.
    """
    return {name: array for name, array in backend.to_arrays().items() if name not in ("name", "version")}


def load_system(card: SystemCard, arrays: Arrays) -> FaceEmbedder:
    """Return the system of a card and its arrays.

    Args:
      card: its description.
      arrays: its arrays.

    Raises:
      UserError: the arrays are not those of the card.
    """
    try:
        if card.members:
            members = {
                name: _single(member, part(arrays, f"{MEMBERS}/{name}")) for name, member in card.members.items()
            }
            return FusedSystem(members, card.weights)
        return _single(card, arrays)
    except KeyError as error:
        raise UserError(f"model: found no array {error}. The card belongs to other arrays: copy both again.") from error


def _single(card: SystemCard, arrays: Arrays) -> SingleSystem:
    assert card.geometry is not None
    representation = _descriptors(card, arrays) if card.model["name"] in KINDS else _network(card, arrays)
    return SingleSystem(representation, card.geometry, card.alignment)


def _network(card: SystemCard, arrays: Arrays) -> Embedder | BackendEmbedder:
    network = build(card.model)
    assert card.geometry is not None
    found = part(arrays, _VARIABLES)
    shapes: dict[str, Any] = traverse_util.flatten_dict(variable_shapes(network, card.geometry.side), sep="/")
    for name, expected in shapes.items():
        if found[name].shape != expected.shape:
            raise UserError(
                f"model: the array {_VARIABLES}/{name} has the shape {list(found[name].shape)}, expected "
                f"{list(expected.shape)}. The card belongs to other arrays: copy both again."
            )
    variables = {"batch_stats": {}} | traverse_util.unflatten_dict(found, sep="/")
    embedder = Embedder(
        in_inference_mode(network), variables, card.geometry,
        flip=card.flip, shift=card.shift, batch_size=card.batch_size,
    )  # fmt: skip
    return BackendEmbedder(embedder, _backend(card, part(arrays, _BACKEND))) if card.backend else embedder


def _descriptors(card: SystemCard, arrays: Arrays) -> DescriptorEmbedder:
    assert card.geometry is not None
    descriptors = restored_descriptors(card.model, card.geometry, part(arrays, _DESCRIPTORS))
    found = part(arrays, _BACKENDS)
    names = sorted({name.partition("/")[0] for name in found})
    backends = tuple(_backend(card, part(found, name)) for name in names)
    joint = _backend(card, part(arrays, _JOINT)) if is_joint(card.model) else None
    return DescriptorEmbedder(descriptors, backends, joint, flip=card.flip)


def _backend(card: SystemCard, arrays: Arrays) -> FittedBackend:
    return FittedBackend.from_arrays({**arrays, "name": np.array(card.backend), "version": np.array(VERSION)})
