"""A training set that lives on the devices whole: a step finds its batch there, and the host has nothing to do."""

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

_BLOCK = 1024  # steps whose draws are sent at a time: half a megabyte at a batch of 128
_ROOM = 0.8  # of what is free; the network needs some, too

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
    """A step that takes its batch out of the whole set, to be mapped over devices as `step` is.

    Its arguments: the state; the set's images and labels; for a block of steps, the places of the images of this device's
    slice of each batch; and the number of the block's first step. It does what `step` does with that batch, bit for bit.
    """

    def take(
        state: State,
        images: UInt8[Array, "images stored stored 3"],
        labels: Int[Array, "images"],
        draws: Int[Array, "block slice"],
        first: Int[Array, ""],
    ) -> tuple[State, Logs]:
        with jax.named_scope("draw"):
            places = draws[state.step - first]
            # The barrier keeps the rest compiled as if the batch had come from outside.
            batch = jax.lax.optimization_barrier((images[places], labels[places]))
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
    """What `resident_step` needs besides the state, for every step from `start` to before `stop`, on the devices already.

    Only where a block of steps ends is there something to send, and then only places.

    Args:
      kept: the images and labels of the whole set, a copy on each device (`devices.place_copies`).
      indices: the places of the images of a step's batch.
      start: the first step.
      stop: the step after the last.
      devices: what to train on; their number divides a batch.
    """
    length = min(_BLOCK, stop - start)
    for first in range(start, stop, _BLOCK):
        steps = range(first, min(first + length, stop))
        draws = np.stack([indices(step) for step in steps]).astype(np.int32)
        draws = np.pad(draws, ((0, length - len(draws)), (0, 0)))  # one shape is compiled
        by_device = draws.reshape(length, len(devices), -1).swapaxes(0, 1)
        sent = place(by_device, devices), place_copies(np.int32(first), devices)
        for _ in steps:
            yield *kept, *sent


def check_room(images: int, stored: int, devices: Devices) -> None:
    """Refuse a set that the devices have no room for.

    Args:
      images: how many.
      stored: pixels of a stored square's side.
      devices: what to train on.

    Raises:
      UserError: it would take more than 80 % of what is free.
    """
    needed, free = images * stored * stored * 3, free_bytes(devices)
    if free is not None and needed > _ROOM * free:
        raise UserError(
            f"--config.data.resident=True keeps {images:,} images of {stored}×{stored} pixels on each device: "
            f"{needed / 1e9:.1f} GB, but {free / 1e9:.1f} GB are free there and a fifth is left to the network. Set it to "
            "False, or lower --config.data.side or --config.data.margin."
        )
