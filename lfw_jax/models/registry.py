"""The registry of networks."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from lfw_jax.errors import UserError
from lfw_jax.models.patch_resnet import PatchResNet
from lfw_jax.models.resnet import ResNet, resnet50
from lfw_jax.models.siamese import SiameseCNN

MODELS: dict[str, Callable[..., nn.Module]] = {
    "siamese": SiameseCNN,
    "resnet50": resnet50,
    "resnet": ResNet,
    "patch_resnet": PatchResNet,
}
DTYPES = {"float32": jnp.float32, "bfloat16": jnp.bfloat16}


def build(config: Mapping[str, Any], *, axis_name: str | None = None) -> nn.Module:
    """Build the network of a configuration.

    Args:
      config: the `model` part of the configuration: `name` (one of `MODELS`), `dtype` ("float32" or "bfloat16", the type of the
        activations; parameters and embeddings are float32) and the fields of the network.
      axis_name: the mapped axis over which batch normalisation averages, or None on one device.

    Returns:
      The network.

    Raises:
      UserError: the name, the data type or a field is unknown (the message has the known ones), or a size is below 1.
    """
    # JSON has lists in place of tuples, and a list cannot be hashed.
    fields = {field: tuple(value) if isinstance(value, list) else value for field, value in config.items()}
    name, dtype = fields.pop("name"), fields.pop("dtype", "float32")
    if name not in MODELS:
        raise UserError(f"config.model.name is '{name}'; the known models are {', '.join(sorted(MODELS))}.")
    if dtype not in DTYPES:
        raise UserError(f"config.model.dtype is '{dtype}'; expected {' or '.join(DTYPES)}.")
    _check_sizes(fields)
    if not isinstance(fields.get("embedding_norm", True), bool):
        raise UserError(f"--config.model.embedding_norm is {fields['embedding_norm']!r}; expected True or False.")
    try:
        return MODELS[name](**fields, dtype=DTYPES[dtype], axis_name=axis_name)
    except TypeError as error:
        raise UserError(f"config.model: {name} cannot be built from {sorted(fields)}: {error}.") from error


def _check_sizes(fields: Mapping[str, Any]) -> None:
    """Raise UserError for a number of channels, blocks or units that is not a whole number of at least 1."""
    for name, value in fields.items():
        if isinstance(value, str):
            raise UserError(f"--config.model.{name} is {value!r}; expected a number or numbers.")
        several = isinstance(value, tuple | list)
        sizes = value if several else (value,) if isinstance(value, int) and not isinstance(value, bool) else ()
        if any(not isinstance(size, int) or size < 1 for size in sizes):
            raise UserError(
                f"--config.model.{name} is {value!r}; expected {'whole numbers' if several else 'a whole number'} of at least 1."
            )


def check_side(model: nn.Module, side: int) -> None:
    """Check that a network can process square images of a side, without computing anything.

    Args:
      model: the network.
      side: the side of the images in pixels.

    Raises:
      UserError: the network reduces such images to nothing, or cannot be built for them.
    """
    reason = "its layers reduce them to nothing"
    try:
        shapes = variable_shapes(model, side)
        possible = all(leaf.size for leaf in jax.tree.leaves(shapes))
    except ZeroDivisionError:  # the initialisation of a layer without inputs
        possible = False
    except (IndexError, TypeError, ValueError) as error:
        possible, reason = False, str(error).splitlines()[0]
    if not possible:
        raise UserError(
            f"--config.model: {type(model).__name__} cannot process images of --config.data.side={side} pixels ({reason}). "
            "Use larger images, or fewer layers that reduce the resolution."
        )


def init(model: nn.Module, key: jax.Array, side: int) -> dict[str, Any]:
    """Initialise the variables of a network for square images.

    Args:
      model: the network.
      key: the key of the initialisation.
      side: the side of the images in pixels.

    Returns:
      `params` and, for networks with batch normalisation, `batch_stats`.
    """
    images = jnp.zeros((2, side, side, 3), jnp.float32)
    return dict(jax.jit(lambda k, x: model.init(k, x, train=False))(key, images))


def variable_shapes(model: nn.Module, side: int) -> dict[str, Any]:
    """Return the shapes of the variables of a network for square images. Nothing is computed.

    Args:
      model: the network.
      side: the side of the images in pixels.

    Returns:
      `params` and `batch_stats`, empty for networks without batch normalisation, as trees of `jax.ShapeDtypeStruct`.
    """
    try:
        shapes = _traced_shapes(model, side)
    except TypeError:  # a field of the network, such as a list, cannot be hashed
        shapes = _traced_shapes.__wrapped__(model, side)
    # A copy, so that a caller who changes it leaves the cached trees alone.
    return jax.tree.map(lambda leaf: leaf, {"params": shapes["params"], "batch_stats": shapes.get("batch_stats", {})})


@functools.lru_cache(maxsize=16)  # a run asks several times, and tracing ResNet-50 takes seconds
def _traced_shapes(model: nn.Module, side: int) -> dict[str, Any]:
    return jax.eval_shape(lambda: init(model, jax.random.key(0), side))


def parameter_count(model: nn.Module, side: int) -> int:
    """Return the number of parameters of a network, without the statistics of batch normalisation.

    Args:
      model: the network.
      side: the side of the images in pixels.
    """
    return sum(leaf.size for leaf in jax.tree.leaves(variable_shapes(model, side)["params"]))
