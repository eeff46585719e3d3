"""Execution of a per-device function on several devices; the only module that uses `jax.pmap`.

`jax.pmap` is in maintenance mode, so a change to `shard_map` must affect this file only. All other code is written
for one device and the axis name `AXIS`.
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
    """Return the first `count` devices of this machine.

    Args:
      count: Number of devices; 0 for all.
      batch_size: Number of images in a global batch, which the devices share equally.

    Returns:
      The devices.

    Raises:
      UserError: If there are fewer devices, or the batch size is not a multiple of their number.
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
            f"--config.sampler.batch_size is {batch_size}, which is not a multiple of the {len(chosen)} devices; choose a "
            f"multiple of {len(chosen)} or set --config.training.devices."
        )
    return chosen


def on_each(function: Callable[..., Any], devices: Devices) -> Callable[..., Any]:
    """Map a per-device function over the leading axis of its arguments.

    Args:
      function: Function of one device's slices, which may use collectives over `AXIS`. The memory of its first
        argument is reused for the result.
      devices: Devices; their number is the length of the leading axis.

    Returns:
      The mapped function.
    """
    return jax.pmap(function, AXIS, devices=devices, donate_argnums=(0,))


def replicate(tree: Any, devices: Devices) -> Any:
    """Return a tree with a copy of every leaf per device, stacked along a new leading axis."""
    # Mapped over the axis of the step, because a state with another layout would make the second step compile again.
    copy = jax.pmap(lambda leaf, _: leaf, AXIS, in_axes=(None, 0), devices=devices)
    return copy(tree, np.zeros(len(devices)))


def unreplicate(tree: Any) -> Any:
    """Return the first device's copy of a replicated tree.

    The copy is made on the host, because slicing would compile a program for every shape of leaf.
    """
    return jax.tree.map(lambda leaf: jax.device_put(np.asarray(leaf.addressable_data(0))[0]), tree)


def spread(batch: Any, devices: Devices) -> Any:
    """Split the leading axis of every array into equal per-device slices, in order.

    Arrays that are already on devices (`place`) are returned unchanged.

    Args:
      batch: Tree of arrays with a common leading axis, a multiple of the number of devices.
      devices: The devices.

    Returns:
      The tree with arrays [devices, slice, ...].
    """

    def cut(array: Any) -> Any:
        return array if isinstance(array, jax.Array) else array.reshape(len(devices), -1, *array.shape[1:])

    return jax.tree.map(cut, batch)


def place(tree: Any, devices: Devices) -> Any:
    """Put slice i of the leading axis of every array on device i, for many steps of a mapped function."""
    return jax.tree.map(lambda array: _on_devices([array[i] for i in range(len(devices))], devices), tree)


def place_copies(tree: Any, devices: Devices) -> Any:
    """Put a copy of every array on each device, for many steps of a mapped function."""
    return jax.tree.map(lambda array: _on_devices([array] * len(devices), devices), tree)


def _on_devices(slices: Sequence[Any], devices: Devices) -> jax.Array:
    mesh = jax.sharding.Mesh(np.array(devices), (AXIS,))
    sharding = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec(AXIS))
    parts = [jax.device_put(np.asarray(part)[None], device) for part, device in zip(slices, devices, strict=True)]
    return jax.make_array_from_single_device_arrays((len(devices), *np.shape(slices[0])), sharding, parts)


def free_bytes(devices: Devices) -> int | None:
    """Return the free memory of the device that has the least, in bytes.

    Devices of a CPU share the memory of the host equally.

    Args:
      devices: Devices of one platform.

    Returns:
      Bytes per device, or None if the platform does not report them.
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
    """Return the global batch in order, inside a mapped function. Differentiable."""
    return jax.lax.all_gather(array, AXIS, tiled=True)
