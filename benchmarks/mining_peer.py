"""Measurement of pytorch-metric-learning in a process of its own.

Usage: `python -m benchmarks.mining_peer NAME BATCH SECONDS`.
"""

import sys
from collections.abc import Callable
from typing import Any

from benchmarks.mining_cases import DIM, PER_CLASS, Case, Measured, measure_and_print


def prepare(case: Case, size: int) -> Callable[[], float]:
    """Return the forward and backward call of one selection and loss."""
    import numpy as np
    import torch
    from pytorch_metric_learning import losses, miners

    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    semihard = miners.TripletMarginMiner(margin=0.2, type_of_triplets="semihard")
    miner, loss = {
        Case.CONTRASTIVE_SEMIHARD: (semihard, losses.ContrastiveLoss()),
        Case.TRIPLET_SEMIHARD: (semihard, losses.TripletMarginLoss(margin=0.2)),
        Case.MARGIN_DISTANCE_WEIGHTED: (miners.DistanceWeightedMiner(), losses.MarginLoss()),
        Case.MARGIN_HISTOGRAM: (miners.UniformHistogramMiner(), losses.MarginLoss()),
    }[case]
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    embeddings = torch.tensor(rng.normal(size=(size, DIM)), dtype=torch.float32, device=device, requires_grad=True)
    labels = torch.tensor(np.repeat(np.arange(size // PER_CLASS), PER_CLASS), device=device)

    def call() -> float:
        embeddings.grad = None
        value = loss(embeddings, labels, miner(embeddings, labels))
        value.backward()
        if device == "cuda":
            torch.cuda.synchronize()
        return value.item()

    return call


def start() -> dict[str, Any]:
    """Return a description of PyTorch's device."""
    import pytorch_metric_learning
    import torch

    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    return {"device": device, "version": pytorch_metric_learning.__version__, "torch": torch.__version__}


def device_peak() -> float | None:
    """Return PyTorch's peak device memory since `prepare`, in MiB."""
    import torch

    return torch.cuda.max_memory_allocated() / 2**20 if torch.cuda.is_available() else None


def Commands() -> Measured:  # noqa: N802, what `throughput_workers` calls
    """Return the commands for a parent process."""
    return Measured(start, prepare, device_peak)


if __name__ == "__main__":
    measure_and_print(prepare(Case(sys.argv[1]), int(sys.argv[2])), float(sys.argv[3]), device_peak)
