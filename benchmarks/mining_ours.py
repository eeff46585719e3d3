"""Measurement of lfw_jax.metric in a process of its own.

Usage: `python -m benchmarks.mining_ours NAME BATCH SECONDS`.
"""

import sys
from collections.abc import Callable
from typing import Any

from benchmarks.mining_cases import DIM, PER_CLASS, Case, Measured, measure_and_print


def prepare(case: Case, size: int) -> Callable[[], float]:
    """Return the forward and backward call of one selection and loss; the first call compiles it."""
    import jax
    import numpy as np

    from lfw_jax.metric import compare, losses, miners

    key = jax.random.key(0)

    def contrastive_semihard(pairs):
        return losses.contrastive(pairs, miners.triplet_margin(pairs, margin=0.2, kind="semihard"))

    def triplet_semihard(pairs):
        return losses.triplet(pairs, miners.triplet_margin(pairs, margin=0.2, kind="semihard"), margin=0.2)

    def margin_distance_weighted(pairs):
        return losses.margin(pairs, miners.distance_weighted(pairs, key=key))

    def margin_histogram(pairs):
        return losses.margin(pairs, miners.uniform_histogram(pairs, key=key, joined=True))

    loss = {
        Case.CONTRASTIVE_SEMIHARD: contrastive_semihard,
        Case.TRIPLET_SEMIHARD: triplet_semihard,
        Case.MARGIN_DISTANCE_WEIGHTED: margin_distance_weighted,
        Case.MARGIN_HISTOGRAM: margin_histogram,
    }[case]
    step = jax.jit(jax.value_and_grad(lambda embeddings, labels: loss(compare(embeddings, labels))))
    rng = np.random.default_rng(0)
    embeddings = jax.numpy.asarray(rng.normal(size=(size, DIM)), jax.numpy.float32)
    labels = jax.numpy.asarray(np.repeat(np.arange(size // PER_CLASS), PER_CLASS), jax.numpy.int32)

    def call() -> float:
        value, gradient = step(embeddings, labels)
        jax.block_until_ready(gradient)
        return float(value)

    return call


def start() -> dict[str, Any]:
    """Return a description of JAX's device."""
    import jax

    return {"device": jax.devices()[0].device_kind, "version": jax.__version__}


def device_peak() -> float | None:
    """Return the peak device memory of this process, in MiB.

    It cannot be reset, so larger sizes must be measured later.
    """
    import jax

    statistics = jax.devices()[0].memory_stats()
    return statistics["peak_bytes_in_use"] / 2**20 if statistics else None


def Commands() -> Measured:  # noqa: N802, what `throughput_workers` calls
    """Return the commands for a parent process."""
    return Measured(start, prepare, device_peak)


if __name__ == "__main__":
    measure_and_print(prepare(Case(sys.argv[1]), int(sys.argv[2])), float(sys.argv[3]), device_peak)
