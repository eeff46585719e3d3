"""Cost of sampling: P×K batches over many identities, and uniform ones over many images.

    python -m benchmarks.sampling [--people=1000000] [--images_per_person=10] [--steps=200]

Steps include the ends of epochs. Times are the CPU time of the thread, so that other programs have no effect. Memory
is that of the sampler without the labels.
"""

import time
import tracemalloc

import numpy as np
from absl import app, flags
from rich.console import Console
from rich.table import Table

_IDENTITIES = flags.DEFINE_integer("people", 1_000_000, "Number of identities.")
_EACH = flags.DEFINE_integer("images_per_person", 10, "Images per identity.")
_STEPS = flags.DEFINE_integer("steps", 200, "Timed batches of each sampler.")


def main(_: list[str]) -> None:
    """Measure and print."""
    from lfw_jax.data.batches.sampling import build_sampler

    labels = np.repeat(np.arange(_IDENTITIES.value, dtype=np.int32), _EACH.value)
    shuffled = np.random.default_rng(0).permutation(labels)
    table = Table(
        title=f"Sampling from {len(labels):,} images of {_IDENTITIES.value:,} identities", title_justify="left"
    )
    for column in (
        "sampler",
        "batch",
        "CPU ms median",
        "longest",
        "at an epoch's end",
        "bytes held per image",
        "s to set up",
    ):
        table.add_column(column, justify="left" if column == "sampler" else "right")
    for name, size, described, of in (
        ("people_images", 512, "128 identities × 4", labels),
        ("people_images", 4096, "1,024 identities × 4", labels),
        ("people_images", 512, "128 identities × 4, labels not sorted", shuffled),
        ("uniform", 512, "uniform", labels),
        ("pairs", 512, "random pairs", labels),
    ):
        config = dict(name=name, batch_size=size, images_per_person=4, short="repeat", same_share=0.5)
        tracemalloc.start()
        began = time.thread_time()
        sampler = build_sampler(config, of, seed=0)
        setup = time.thread_time() - began
        sampler.indices(0)
        held, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        last = sampler.steps_per_epoch
        milliseconds = {}
        for step in [*range(_STEPS.value), last - 1, last, 2 * last - 1, 2 * last]:
            began = time.thread_time()
            sampler.indices(step)
            milliseconds[step] = 1000 * (time.thread_time() - began)
        table.add_row(
            described, f"{size:,}", f"{np.median(list(milliseconds.values())):.2f}", f"{max(milliseconds.values()):.2f}",
            f"{max(milliseconds[last], milliseconds[2 * last]):.2f}", f"{held / len(labels):.2f}", f"{setup:.1f}",
        )  # fmt: skip
    Console(width=120).print(table)


if __name__ == "__main__":
    app.run(main)
