"""One measurement of pytorch-metric-learning in a process of its own: `python -m benchmarks.mining_peer NAME BATCH SECONDS`."""

import sys

from benchmarks.mining_cases import DIM, PER_CLASS, Case, measure_and_print


def main(name: str, size: int, seconds: float) -> None:
    """Forward and backward of one selection and loss."""
    import numpy as np
    import torch
    from pytorch_metric_learning import losses, miners

    device = "cuda" if torch.cuda.is_available() else "cpu"
    semihard = miners.TripletMarginMiner(margin=0.2, type_of_triplets="semihard")
    miner, loss = {
        Case.CONTRASTIVE_SEMIHARD: (semihard, losses.ContrastiveLoss()),
        Case.TRIPLET_SEMIHARD: (semihard, losses.TripletMarginLoss(margin=0.2)),
        Case.MARGIN_DISTANCE_WEIGHTED: (miners.DistanceWeightedMiner(), losses.MarginLoss()),
        Case.MARGIN_HISTOGRAM: (miners.UniformHistogramMiner(), losses.MarginLoss()),
    }[Case(name)]
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    embeddings = torch.tensor(rng.normal(size=(size, DIM)), dtype=torch.float32, device=device, requires_grad=True)
    labels = torch.tensor(np.repeat(np.arange(size // PER_CLASS), PER_CLASS), device=device)

    def call() -> float:
        embeddings.grad = None
        value = loss(embeddings, labels, miner(embeddings, labels))
        value.backward()
        return value.item()

    def device_peak() -> float | None:
        return torch.cuda.max_memory_allocated() / 2**20 if device == "cuda" else None

    measure_and_print(call, seconds, device_peak)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
