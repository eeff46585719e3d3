"""A training set that is resident on the devices, so that the host sends only indices."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Int, UInt8

from lfw_jax.errors import UserError
from lfw_jax.training.devices import Devices, free_bytes, place, place_copies
from lfw_jax.training.objectives.objective import Logs
from lfw_jax.training.state import State
from lfw_jax.training.step import Step

_BLOCK = 1024  # steps whose indices are sent at a time: half a megabyte for batches of 128
_MEMORY_SHARE = 0.8  # share of the free memory that the set may take; the network needs the rest

ResidentStep = Callable[
    [
        State,
        UInt8[Array, "images stored stored 3"],
        Int[Array, "images"],
        Int[Array, "block slice"],
        Int[Array, ""],
    ],
    tuple[State, Logs],
]


def resident_step(step: Step) -> ResidentStep:
    """Return a step that takes its batch from the resident set, to be mapped over devices like `step`.

    Args:
      step: the per-device step, which takes images and labels.

    Returns:
      A function of the state, the images and labels of the set, the indices of the images of this device's slice for a block
      of steps, and the first step of the block. Its result equals that of `step` on this slice, up to the rounding of another
      program.
    """

    def take(
        state: State,
        images: UInt8[Array, "images stored stored 3"],
        labels: Int[Array, "images"],
        block: Int[Array, "block slice"],
        first: Int[Array, ""],
    ) -> tuple[State, Logs]:
        with jax.named_scope("select_batch"):
            selected = block[state.step - first]
            # With the barrier, XLA compiles the rest as if the batch were an argument.
            batch = jax.lax.optimization_barrier((images[selected], labels[selected]))
        return step(state, *batch)

    return take


def resident_batches(
    kept: tuple[UInt8[Array, "devices images stored stored 3"], Int[Array, "devices images"]],
    indices: Callable[[int], Int[np.ndarray, "batch"]],
    *,
    start: int,
    stop: int,
    devices: Devices,
) -> Iterator[tuple[Any, ...]]:
    """Yield the arguments of `resident_step` besides the state, as arrays on the devices.

    The host sends data only at the beginning of a block of steps, and then only indices.

    Args:
      kept: the images and labels of the whole set, with a copy on each device (`devices.place_copies`).
      indices: a function from a step to the indices of the images of its batch.
      start: the first step.
      stop: the step after the last one.
      devices: the devices to train on; their number divides the batch size.

    Yields:
      For each step from `start` to before `stop`: images, labels, the indices of its block, and the first step of the block.
    """
    length = min(_BLOCK, stop - start)
    for first in range(start, stop, _BLOCK):
        steps = range(first, min(first + length, stop))
        block = np.stack([indices(step) for step in steps]).astype(np.int32)
        block = np.pad(block, ((0, length - len(block)), (0, 0)))  # so that one shape is compiled
        by_device = block.reshape(length, len(devices), -1).swapaxes(0, 1)
        sent = place(by_device, devices), place_copies(np.int32(first), devices)
        for _ in steps:
            yield *kept, *sent


def check_room(images: int, stored: int, devices: Devices) -> None:
    """Raise an error if a set does not fit into the memory of the devices.

    Args:
      images: the number of images.
      stored: the side of a stored image in pixels.
      devices: the devices to train on.

    Raises:
      UserError: the set would take more than 80 % of the free memory of a device.
    """
    needed, free = images * stored * stored * 3, free_bytes(devices)
    if free is not None and needed > _MEMORY_SHARE * free:
        raise UserError(
            f"--config.data.resident=True keeps {images:,} images of {stored}×{stored} pixels on each device: "
            f"{needed / 1e9:.1f} GB, but {free / 1e9:.1f} GB are free there, of which a fifth is reserved for the network. "
            "Set it to False, or lower --config.data.side or --config.data.margin."
        )
