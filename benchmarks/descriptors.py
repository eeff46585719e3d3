"""Time and memory of texture descriptors.

    python -m benchmarks.descriptors
    python -m benchmarks.descriptors --count=13233 --scales=47,33,24,17 --kind=gradients

The crops are random: the time does not depend on their content. Features are written to one array for all images, as a job would;
the memory above it is that of the crops (a part at a time) and of the intermediate arrays.
"""

import os
import platform
import resource
import time

import numpy as np
from absl import app, flags
from rich.console import Console
from rich.table import Table

from lfw_jax.descriptors import DescriptorSettings, describe, dimension

_COUNT = flags.DEFINE_integer("count", 13_233, "Number of images; LFW has 13,233.")
_SIDE = flags.DEFINE_integer("side", 208, "Side of the crops in pixels.")
_SCALES = flags.DEFINE_list("scales", ["47", "33", "24", "17"], "Eye distances in pixels.")
_KIND = flags.DEFINE_enum("kind", "lbp", ["lbp", "gradients"], "Kind of descriptor.")
_LAYOUT = flags.DEFINE_enum("layout", "points", ["points", "grid"], "Layout of the patches.")

_PART = 512
_TEMPLATE = ((38.3, 51.7), (73.5, 51.5), (56.0, 71.7), (41.5, 92.4), (70.7, 92.2))


def main(_: list[str]) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (_PART, _SIDE.value, _SIDE.value), np.uint8)
    points = np.array(_TEMPLATE) + (_SIDE.value - 112) / 2 + rng.normal(0, 3, (_PART, 5, 2))
    title = f"{_COUNT.value:,} crops of {_SIDE.value}×{_SIDE.value}, {_KIND.value}, {_LAYOUT.value}"
    table = Table(title=title, title_justify="left")
    for column in ("scale", "dimension", "features, MB", "seconds", "processor, s", "memory above, MB"):
        table.add_column(column, justify="right")
    total = np.zeros(2)
    # Smallest features first: the peak of the process then is that of the present scale.
    for scale in sorted(map(float, _SCALES.value)):
        options = DescriptorSettings(kind=_KIND.value, layout=_LAYOUT.value, scale=scale)
        before = _peak()
        features, seconds, processor = measure(images, points, options, _COUNT.value)
        total += (seconds, processor)
        above = max(0.0, _peak() - before - features.nbytes / 1e6)
        table.add_row(
            f"{scale:g}",
            f"{dimension(options):,}",
            f"{features.nbytes / 1e6:,.0f}",
            f"{seconds:.1f}",
            f"{processor:.1f}",
            f"{above:.0f}",
        )
        del features
    console = Console(width=100)
    console.print(table)
    console.print(f"all scales: {total[0]:.0f} s, {total[1]:.0f} s of processor time")
    console.print(f"{os.cpu_count()} cores, {platform.processor() or platform.machine()}, NumPy {np.__version__}")


def measure(
    images: np.ndarray, points: np.ndarray, options: DescriptorSettings, count: int
) -> tuple[np.ndarray, float, float]:
    """Return the features of `count` images, the time and the processor time in seconds.

    Args:
      images: grey crops, which are repeated.
      points: their five points.
      options: the descriptor.
      count: number of images.
    """
    kind = np.uint8 if options.kind == "lbp" else np.float32
    features = np.zeros((count, dimension(options)), kind)
    features.fill(1)  # allocates every page before the time is taken
    start, used = time.monotonic(), time.process_time()
    for first in range(0, count, len(images)):
        part = min(len(images), count - first)
        features[first : first + part] = describe(images[:part], points[:part], options)
    return features, time.monotonic() - start, time.process_time() - used


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


if __name__ == "__main__":
    app.run(main)
