"""Write triplets.npz: what pytorch-metric-learning 2.9.0 mines, and its triplet loss of what it mined.

    .peer/bin/python tests/metric/golden/make_triplets.py   # the environment is that of archive.py

Everything is computed in float64. Keys: `batch/embeddings|labels`,
`batch/references|reference_labels` where a batch is compared with others, `batch/miner/positive|negative` (how often each
pair is in the mined tuples) and `batch/selection/loss|gradient|reference_gradient` of each form of the triplet loss.
"""

from functools import partial

import numpy as np
import torch
from archive import counts, random, save
from pytorch_metric_learning import losses, miners

SIZE, DIM, REFERENCES = 20, 8, 24
STRATEGIES = (
    ("easy", "semihard"), ("semihard", "hard"), ("semihard", "easy"), ("hard", "semihard"), ("easy", "easy"),
    ("hard", "easy"), ("all", "hard"), ("easy", "all"),
)  # fmt: skip
FORMS = {
    "hinge": dict(margin=0.4),
    "smooth": dict(margin=0.4, smooth_loss=True),
    "swap": dict(margin=0.4, swap=True),
    "smooth_swap": dict(margin=0.4, swap=True, smooth_loss=True),
}
OTHERS = {
    "contrastive": lambda: losses.ContrastiveLoss(pos_margin=0.1, neg_margin=1.2),
    "margin": lambda: losses.MarginLoss(margin=0.2, beta=0.9),
}


def batches(draw: np.random.Generator) -> dict[str, dict[str, np.ndarray]]:
    """Name → arrays; one shape for all but `large`, so that a test compiles once."""

    def clustered(sizes: list[int], dim: int = DIM, noise: float = 0.9) -> dict[str, np.ndarray]:
        labels = draw.permutation(np.repeat(np.arange(len(sizes)), sizes))
        centres = draw.normal(size=(len(sizes), dim))
        embeddings = 3 * (centres[labels] + noise * draw.normal(size=(len(labels), dim)))
        return {"embeddings": embeddings.astype(np.float32), "labels": labels}

    found = {
        "mixed": clustered([5, 4, 4, 3, 2, 1, 1]),
        "singletons": clustered([3, 2] + 15 * [1]),
        "one_class": clustered([SIZE]),
        "all_different": clustered(SIZE * [1]),
        "duplicates": clustered([6, 5, 5, 4]),
        "zero": clustered([6, 5, 5, 4]),
        "large": clustered(16 * [4], 16),
    }
    twice = found["duplicates"]
    for label in (0, 1):
        first, second = np.flatnonzero(twice["labels"] == label)[:2]
        twice["embeddings"][second] = twice["embeddings"][first]
    found["zero"]["embeddings"][3] = 0
    both = clustered([9, 9, 8, 7, 6, 5])
    found["references"] = {
        "embeddings": both["embeddings"][:SIZE], "labels": both["labels"][:SIZE],
        "references": both["embeddings"][SIZE:], "reference_labels": both["labels"][SIZE:],
    }  # fmt: skip
    return found


def drawn_triplets(labels: np.ndarray, others: np.ndarray, same: bool, draw: np.random.Generator) -> tuple:
    """For about half of the positive pairs a negative at random: what a sampling miner may return."""
    matching = labels[:, None] == others[None]
    if same:
        np.fill_diagonal(matching, False)
    triplets = [
        (a, p, draw.choice(np.flatnonzero(others != labels[a])))
        for a, p in zip(*np.nonzero(matching), strict=True)
        if (others != labels[a]).any() and draw.random() < 0.5
    ]
    return tuple(torch.tensor(np.array(triplets, np.int64).reshape(-1, 3).T[i]) for i in range(3))


def triplet_losses(name: str, arrays: dict[str, np.ndarray], selected: tuple | None) -> dict:
    """Every form of the loss of one selection, and the losses of its pairs, with gradients."""
    found = {}
    functions = {form: partial(losses.TripletMarginLoss, **options) for form, options in FORMS.items()}
    functions |= OTHERS if selected is not None else {}
    for form, function in functions.items():
        if "references" in arrays and "swap" in form:
            continue
        tensors = [torch.tensor(arrays["embeddings"], dtype=torch.float64, requires_grad=True)]
        rest = ()
        if "references" in arrays:
            tensors.append(torch.tensor(arrays["references"], dtype=torch.float64, requires_grad=True))
            rest = (tensors[1], torch.tensor(arrays["reference_labels"]))
        value = function()(tensors[0], torch.tensor(arrays["labels"]), selected, *rest)
        value.backward()
        found[f"{name}/{form}/loss"] = value.detach().numpy()
        for key, tensor in zip(("gradient", "reference_gradient"), tensors, strict=False):
            gradient = np.zeros(tensor.shape) if tensor.grad is None else tensor.grad.numpy()
            found[f"{name}/{form}/{key}"] = gradient.astype(np.float32)
    return found


def main() -> None:
    """Compute and write the archive."""
    draw = random(21)
    chosen = {
        f"triplet_{kind}": miners.TripletMarginMiner(margin=0.2, type_of_triplets=kind)
        for kind in ("all", "hard", "semihard", "easy")
    }
    for positive, negative in STRATEGIES:
        chosen[f"{positive}_{negative}"] = miners.BatchEasyHardMiner(pos_strategy=positive, neg_strategy=negative)
    chosen["ranges"] = miners.BatchEasyHardMiner(
        pos_strategy="hard", neg_strategy="hard", allowed_pos_range=(0.2, 0.9), allowed_neg_range=(0.6, 1.2)
    )
    chosen["multi_similarity"] = miners.MultiSimilarityMiner(epsilon=0.1)
    chosen["pair_margin"] = miners.PairMarginMiner(pos_margin=0.6, neg_margin=1.1)
    with_losses = ("triplet_semihard", "triplet_easy", "hard_semihard", "multi_similarity", "pair_margin")
    archive: dict = {}
    for name, arrays in batches(draw).items():
        found: dict = {key: value.astype(np.int32 if "labels" in key else np.float32) for key, value in arrays.items()}
        inputs, labels = torch.tensor(arrays["embeddings"], dtype=torch.float64), torch.tensor(arrays["labels"])
        rest, others = (), labels
        if "references" in arrays:
            others = torch.tensor(arrays["reference_labels"])
            rest = (torch.tensor(arrays["references"], dtype=torch.float64), others)
        shape = (len(labels), len(others))
        for miner, function in chosen.items():
            selected = function(inputs, labels, *rest)
            pairs = selected if len(selected) == 4 else (selected[0], selected[1], selected[0], selected[2])
            found[f"{miner}/positive"] = counts(pairs[0], pairs[1], shape)
            found[f"{miner}/negative"] = counts(pairs[2], pairs[3], shape)
            if miner in with_losses:
                found |= triplet_losses(miner, arrays, selected)
        found |= triplet_losses("every", arrays, None)
        selected = drawn_triplets(arrays["labels"], others.numpy(), not rest, draw)
        drawn = np.full(shape, -1, np.int32)
        drawn[selected[0].numpy(), selected[1].numpy()] = selected[2].numpy()
        found["drawn/drawn"] = drawn
        found |= triplet_losses("drawn", arrays, selected)
        archive |= {f"{name}/{key}": value for key, value in found.items()}
    save("triplets", archive)


if __name__ == "__main__":
    main()
