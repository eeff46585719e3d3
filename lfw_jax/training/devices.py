"""The one place that knows how a per-device function runs on many devices.

`jax.pmap` is in maintenance mode; a change to `shard_map` must touch this file alone. Everything else is written for one
device against the axis name `AXIS`.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
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
    # On the axis of the step: a state laid out on another one would make the second step compile again.
    copy = jax.pmap(lambda leaf, _: leaf, AXIS, in_axes=(None, 0), devices=devices)
    return copy(tree, np.zeros(len(devices)))


def unreplicate(tree: Any) -> Any:
    """The first device's copy, by way of the host: slicing would compile a program for every shape of leaf."""
    return jax.tree.map(lambda leaf: jax.device_put(np.asarray(leaf.addressable_data(0))[0]), tree)


def spread(batch: Any, devices: Devices) -> Any:
    """Cut every array's leading axis into equal slices, one a device, in order; what `place` put there stays as it is."""

    def cut(array: Any) -> Any:
        return array if isinstance(array, jax.Array) else array.reshape(len(devices), -1, *array.shape[1:])

    return jax.tree.map(cut, batch)


def place(tree: Any, devices: Devices) -> Any:
    """Put slice i of every array's leading axis on device i, as an argument of a mapped function, for many steps."""
    return jax.tree.map(lambda array: _on_devices([array[i] for i in range(len(devices))], devices), tree)


def place_copies(tree: Any, devices: Devices) -> Any:
    """Put every array whole on each device, as an argument of a mapped function, for many steps."""
    return jax.tree.map(lambda array: _on_devices([array] * len(devices), devices), tree)


def _on_devices(slices: Sequence[Any], devices: Devices) -> jax.Array:
    mesh = jax.sharding.Mesh(np.array(devices), (AXIS,))
    sharding = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec(AXIS))
    parts = [jax.device_put(np.asarray(part)[None], device) for part, device in zip(slices, devices, strict=True)]
    return jax.make_array_from_single_device_arrays((len(devices), *np.shape(slices[0])), sharding, parts)


def free_bytes(devices: Devices) -> int | None:
    """Memory that is free on the device that has the least; None where that cannot be known.

    Devices of a CPU share the host's memory.
    """
    if devices[0].platform == "cpu":
        try:
            lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        except OSError:
            return None
        kilobytes = next((int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")), None)
        return None if kilobytes is None else kilobytes * 1024 // len(devices)
    statistics = [device.memory_stats() for device in devices]
    if not all(found and "bytes_limit" in found for found in statistics):
        return None
    return min(found["bytes_limit"] - found.get("bytes_in_use", 0) for found in statistics)


def gather(array: jax.Array) -> jax.Array:
    """Inside a mapped function: the global batch, in order. Differentiable."""
    return jax.lax.all_gather(array, AXIS, tiled=True)
