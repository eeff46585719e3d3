"""Time per image that each augmentation option adds to the jitted step, in microseconds.

    python -m benchmarks.augmentation [--sides=64,112] [--batch_size=128] [--rounds=7]

Every option is measured alone, at the strength of `_OPTIONS`, and compared with the plain conversion from uint8 to
floats. The cost of an option does not depend on its probability: a whole batch is computed, and the images that are
not selected keep their pixels.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from absl import app, flags

from lfw_jax.jobs import command_line

_SIDES = flags.DEFINE_list("sides", ["64", "112"], "Sides of the square network input in pixels.")
_BATCH = flags.DEFINE_integer("batch_size", 128, "Images per step.")
_ROUNDS = flags.DEFINE_integer("rounds", 7, "Timed rounds; the candidates take turns in each.")
_MARGIN = 6

_OPTIONS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "flip": dict(flip=0.5),
    "flip, rotation, scale, shift": dict(flip=0.5, rotation=10.0, scale=0.12, shift=0.06),
    "brightness, contrast, saturation": dict(brightness=0.15, contrast=0.2, saturation=0.3),
    "grayscale": dict(grayscale=0.1),
    "blur": dict(blur=0.2),
    "downscale": dict(downscale=0.2),
    "blur and downscale": dict(blur=0.2, downscale=0.2),
    "jpeg": dict(jpeg=0.2),
    "erasing, grey": dict(erasing=0.3),
    "erasing, noise": dict(erasing=0.3, erasing_fill="noise"),
}
_ALL = "all at once"


def main(_: list[str]) -> None:
    """Measure and print."""
    import jax
    import numpy as np
    from rich.console import Console
    from rich.table import Table

    from benchmarks.measure import images_per_second
    from lfw_jax.augmentation import Augmentation, augment_slice

    everything = {name: value for options in _OPTIONS.values() for name, value in options.items()}
    candidates = _OPTIONS | {_ALL: everything}
    key, size = jax.random.key(0), _BATCH.value
    console = Console(width=100)
    for side in (int(side) for side in _SIDES.value):
        stored = side + 2 * _MARGIN
        images = np.random.default_rng(0).integers(0, 256, (size, stored, stored, 3), np.uint8)

        def step(options: dict[str, Any], side: int = side, images: np.ndarray = images) -> Callable[[], object]:
            change = jax.jit(partial(augment_slice, side=side, options=Augmentation(**options)))
            return lambda: jax.block_until_ready(change(key, images))

        rates = images_per_second(
            {name: step(options) for name, options in candidates.items()}, size, rounds=_ROUNDS.value
        )
        bare = 1e6 / rates["nothing"][0]
        table = Table(
            title=f"Augmentation, {side}×{side}, batch {size}, {jax.devices()[0].device_kind}", title_justify="left"
        )
        for column, justify in (
            ("", "left"),
            ("µs per image", "right"),
            ("lowest–highest", "right"),
            ("added", "right"),
        ):
            table.add_column(column, justify=justify)
        for name, (median, lowest, highest) in rates.items():
            micros = 1e6 / median
            table.add_row(name, f"{micros:.0f}", f"{1e6 / highest:.0f}–{1e6 / lowest:.0f}", f"{micros - bare:+.0f}")
        console.print(table)


if __name__ == "__main__":
    command_line.use_large_pages()
    app.run(main)
