"""Write metric.npz: what pytorch-metric-learning 2.9.0 computes for a few small batches.

    .peer/bin/python tests/metric/golden/make_metric.py   # the environment is that of archive.py

Everything is computed in float64 from embeddings that are exact in float32. The keys of the archive are
`batch/embeddings`, `batch/labels`, `batch/miner/positive|negative` (how often each pair is in the mined tuples) and
`batch/loss/…/loss|gradient|beta_gradient|prototype_gradient`.
"""

import numpy as np
import torch
from archive import counts, random, save
from pytorch_metric_learning import losses, miners

KINDS = ("all", "hard", "semihard", "easy")


def batches() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Name → embeddings [batch, dim] and labels [batch]."""
    draw = random(20)

    def clustered(sizes: list[int], dim: int, noise: float) -> tuple[np.ndarray, np.ndarray]:
        labels = np.repeat(np.arange(len(sizes)), sizes)
        embeddings = draw.normal(size=(len(sizes), dim))[labels] + noise * draw.normal(size=(len(labels), dim))
        order = draw.permutation(len(labels))
        return (3 * embeddings[order]).astype(np.float32), labels[order]

    mixed = clustered([5, 4, 4, 3, 2, 2, 1, 1, 1], 8, 0.9)
    duplicates, labels = clustered([4, 4, 3, 1], 8, 0.7)
    for label in (0, 1):
        first, second = np.flatnonzero(labels == label)[:2]
        duplicates[second] = duplicates[first]
    return {
        "mixed": mixed,
        "singletons": clustered([3, 1, 1, 1, 1], 4, 0.5),
        "one_class": clustered([6], 8, 1.0),
        "all_different": clustered([1] * 6, 8, 1.0),
        "duplicates": (duplicates, labels),
        "large": clustered([4] * 16, 16, 0.8),
    }


def evaluate(loss: torch.nn.Module, embeddings: np.ndarray, labels: np.ndarray, selected: tuple | None = None) -> dict:
    """The loss and its gradients."""
    loss = loss.double()
    inputs = torch.tensor(embeddings, dtype=torch.float64, requires_grad=True)
    value = loss(inputs, torch.tensor(labels), selected)
    value.backward()
    found = {"loss": value.detach().numpy(), "gradient": inputs.grad.numpy().astype(np.float32)}
    for name, parameter in loss.named_parameters():
        if parameter.grad is not None:
            key = {"beta": "beta_gradient", "W": "prototype_gradient"}[name]
            found[key] = parameter.grad.numpy().astype(np.float32).T
    return found


def pair_losses(name: str, embeddings: np.ndarray, labels: np.ndarray, selected: tuple | None, classes: int) -> dict:
    """The pair losses of one selection."""
    margin = {"margin": 0.2, "beta": 0.9}
    found = {
        "contrastive": losses.ContrastiveLoss(),
        "contrastive_margins": losses.ContrastiveLoss(pos_margin=0.3, neg_margin=1.1),
    }
    if selected is not None:
        found |= {
            "margin": losses.MarginLoss(**margin),
            "margin_learned": losses.MarginLoss(**margin, nu=0.1, learn_beta=True),
            "margin_per_class": losses.MarginLoss(**margin, nu=0.1, learn_beta=True, num_classes=classes),
        }
    return {
        f"{name}/{loss}/{key}": value
        for loss, function in found.items()
        for key, value in evaluate(function, embeddings, labels, selected).items()
    }


def heads(embeddings: np.ndarray, labels: np.ndarray) -> dict:
    """ArcFace and CosFace with fixed prototypes; some embeddings lie on a prototype or opposite it."""
    classes, dim = 10, embeddings.shape[1]
    prototypes = random(3).normal(size=(classes, dim)).astype(np.float32)
    opposite = embeddings.copy()
    opposite[:3] = 2 * prototypes[labels[:3]]
    opposite[3:6] = -prototypes[labels[3:6]]
    found: dict = {"heads/prototypes": prototypes, "heads/extreme_embeddings": opposite}
    for name, kind in (("arcface", losses.ArcFaceLoss), ("cosface", losses.CosFaceLoss)):
        for scale in (12.24, 64.0):
            loss = kind(num_classes=classes, embedding_size=dim, scale=scale)
            loss.W.data = torch.tensor(prototypes.T)
            found |= {f"heads/{name}/{scale}/{key}": value for key, value in evaluate(loss, embeddings, labels).items()}
            found[f"heads/{name}/{scale}/extreme_loss"] = evaluate(loss, opposite, labels)["loss"]
    return found


def main() -> None:
    """Compute and write the archive."""
    torch.manual_seed(0)
    archive: dict = {}
    for name, (embeddings, labels) in batches().items():
        classes, size = int(labels.max()) + 1, len(labels)
        inputs, targets = torch.tensor(embeddings, dtype=torch.float64), torch.tensor(labels)
        found: dict = {"embeddings": embeddings, "labels": labels.astype(np.int32)}
        found |= pair_losses("every_pair", embeddings, labels, None, classes)
        chosen = {f"triplet_{kind}": miners.TripletMarginMiner(margin=0.2, type_of_triplets=kind) for kind in KINDS}
        chosen["batch_hard"] = miners.BatchHardMiner()
        chosen["histogram"] = miners.UniformHistogramMiner(num_bins=7, pos_per_bin=3, neg_per_bin=4)
        for miner, function in chosen.items():
            selected = function(inputs, targets)
            pairs = selected if len(selected) == 4 else (selected[0], selected[1], selected[0], selected[2])
            found[f"{miner}/positive"] = counts(pairs[0], pairs[1], (size, size))
            found[f"{miner}/negative"] = counts(pairs[2], pairs[3], (size, size))
            found |= pair_losses(miner, embeddings, labels, selected, classes)
        archive |= {f"{name}/{key}": value for key, value in found.items()}
    archive |= heads(*batches()["mixed"])
    save("metric", archive)


if __name__ == "__main__":
    main()
