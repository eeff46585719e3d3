"""The one place that knows how a per-device function runs on many devices.

`jax.pmap` is in maintenance mode; a change to `shard_map` must touch this file alone. Everything else is written for one
device against the axis name `AXIS`.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from lfw_jax.errors import UserError

AXIS = "devices"

Devices = Sequence[Any]
"""JAX devices; jax exports their class as a value, which a type checker does not accept as a type."""


def choose_devices(count: int, batch_size: int) -> Devices:
    """The first `count` devices of this machine, all of them where it is 0.

    Raises:
      UserError: more devices than there are, or a batch that they do not divide.
    """
    present = jax.local_devices()
    if count > len(present) or count < 0:
        raise UserError(
            f"--config.training.devices is {count}, but this machine has {len(present)} ({present[0].platform}); "
            "use 0 for all of them."
        )
    chosen = present[: count or len(present)]
    if batch_size % len(chosen):
        raise UserError(
            f"--config.sampler.batch_size is {batch_size}, which {len(chosen)} devices do not divide; choose a multiple "
            f"of {len(chosen)} or set --config.training.devices."
        )
    return chosen


def on_each(function: Callable[..., Any], devices: Devices) -> Callable[..., Any]:
    """Map a per-device function over the leading axis of its arguments; its first argument's memory is reused."""
    return jax.pmap(function, AXIS, devices=devices, donate_argnums=(0,))


def replicate(tree: Any, devices: Devices) -> Any:
    """A copy of every leaf on each device, stacked along a new leading axis."""
    copy = jax.pmap(lambda leaf, _: leaf, in_axes=(None, 0), devices=devices)
    return copy(tree, np.zeros(len(devices)))


def unreplicate(tree: Any) -> Any:
    """The first device's copy, by way of the host: slicing would compile a program for every shape of leaf."""
    return jax.tree.map(lambda leaf: jax.device_put(np.asarray(leaf.addressable_data(0))[0]), tree)


def spread(batch: Any, devices: Devices) -> Any:
    """Cut every array's leading axis into equal slices, one a device, in order."""
    return jax.tree.map(lambda array: array.reshape(len(devices), -1, *array.shape[1:]), batch)


def gather(array: jax.Array) -> jax.Array:
    """Inside a mapped function: the global batch, in order. Differentiable."""
    return jax.lax.all_gather(array, AXIS, tiled=True)
