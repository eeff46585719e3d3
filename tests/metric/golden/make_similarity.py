"""Write similarity.npz: what pytorch-metric-learning 2.9.0 computes for similarity, softmax and lifted losses.

    .peer/bin/python tests/metric/golden/make_similarity.py   # the environment is that of archive.py

Everything is computed in float64 from embeddings that are exact in float32. The keys of the archive are
`batch/embeddings|labels` (and `batch/references|reference_labels`), `batch/selection/positive|negative` (how often each
pair is in the mined tuples), `batch/selection/names|losses|gradients` (of all losses, stacked), `memory/…` (five
steps of CrossBatchMemory) and `apart/…` (where rounding decides what PML returns).
"""

import numpy as np
import torch
from archive import counts, random, save
from pytorch_metric_learning import losses, miners
from pytorch_metric_learning.distances import DotProductSimilarity
from pytorch_metric_learning.utils import loss_and_miner_utils

DIM = 6
MEMORY = 14

FORMS = {
    "multi_similarity/default": losses.MultiSimilarityLoss(),
    "multi_similarity/other": losses.MultiSimilarityLoss(alpha=1, beta=10, base=0.3),
    "circle/default": losses.CircleLoss(),
    "circle/other": losses.CircleLoss(m=0.25, gamma=256),
    "ntxent/default": losses.NTXentLoss(),
    "ntxent/other": losses.NTXentLoss(temperature=0.5),
    "supcon/default": losses.SupConLoss(),
    "supcon/other": losses.SupConLoss(temperature=0.5),
    "generalized/default": losses.GeneralizedLiftedStructureLoss(),
    "generalized/other": losses.GeneralizedLiftedStructureLoss(neg_margin=1.1, pos_margin=0.3),
    "lifted/default": losses.LiftedStructureLoss(),
    "lifted/other": losses.LiftedStructureLoss(neg_margin=1.1, pos_margin=0.3),
    "n_pairs/default": losses.NPairsLoss(),
    "n_pairs/raw": losses.NPairsLoss(distance=DotProductSimilarity(normalize_embeddings=False)),
}
MINERS = {
    "multi_similarity": miners.MultiSimilarityMiner(epsilon=0.1),
    "pair_margin": miners.PairMarginMiner(pos_margin=0.6, neg_margin=1.0),
    "triplet": miners.TripletMarginMiner(margin=0.2, type_of_triplets="all"),
}


def batches() -> dict[str, dict[str, np.ndarray]]:
    """Name → embeddings [batch, dim] and labels [batch], some with references."""
    draw = random(7)

    def clustered(sizes: list[int], noise: float) -> dict[str, np.ndarray]:
        labels = np.repeat(np.arange(len(sizes)), sizes)
        embeddings = draw.normal(size=(len(sizes), DIM))[labels] + noise * draw.normal(size=(len(labels), DIM))
        order = draw.permutation(len(labels))
        return {"embeddings": embeddings[order].astype(np.float32), "labels": labels[order].astype(np.int32)}

    duplicates = clustered([4, 4, 3, 1], 0.7)
    first, second = np.flatnonzero(duplicates["labels"] == 0)[:2]
    other = np.flatnonzero(duplicates["labels"] == 1)[0]
    duplicates["embeddings"][[second, other]] = duplicates["embeddings"][first]
    zero = clustered([4, 3, 2, 2, 1], 0.7)
    zero["embeddings"][2] = 0
    whole = clustered([8, 8, 7, 6, 5, 2, 1, 1], 0.8)
    references = {name: value[:10] for name, value in whole.items()}
    references |= {"references": whole["embeddings"][10:], "reference_labels": whole["labels"][10:]}
    # References of other classes come first, so that no positive's index among the references is an index in the batch.
    others = clustered([1] * 10, 1.0)
    behind = references | {
        "references": np.concatenate([others["embeddings"], references["references"][:18]]),
        "reference_labels": np.concatenate([100 + others["labels"], references["reference_labels"][:18]]),
    }
    # Few shapes, so that the tests compile little.
    return {
        "mixed": clustered([5, 4, 4, 3, 2, 2, 2, 1, 1, 1], 0.7),
        "singletons": clustered([3] + [1] * 9, 0.5),
        "one_class": clustered([12], 1.0),
        "all_different": clustered([1] * 12, 1.0),
        "duplicates": duplicates,
        "zero": zero,
        "large": clustered([4] * 16, 0.6),
        "references": references,
        "behind": behind,
    }


def in_reading_order(selected: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    """The same tuples, row by row: N-pairs takes the first one of each class."""
    if len(selected) == 3:
        return selected
    ordered = []
    for rows, columns in (selected[:2], selected[2:]):
        order = np.lexsort((columns.numpy(), rows.numpy()))
        ordered += [rows[order], columns[order]]
    return tuple(ordered)


def evaluate(loss: torch.nn.Module, embeddings: np.ndarray, *rest: object) -> tuple[float, np.ndarray]:
    """The loss and its gradient."""
    inputs = torch.tensor(embeddings, dtype=torch.float64, requires_grad=True)
    value = loss(inputs, *rest)
    value.backward()
    return value.item(), inputs.grad.numpy().astype(np.float32)


def of_batch(batch: dict[str, np.ndarray], selections: list[str], forms: list[str]) -> dict[str, np.ndarray]:
    """Every loss of every selection."""
    labels = torch.tensor(batch["labels"]).long()
    others = ()
    if "references" in batch:
        others = (torch.tensor(batch["references"]).double(), torch.tensor(batch["reference_labels"]).long())
    found = dict(batch)
    for selection in selections:
        if selection == "every_pair":
            selected = loss_and_miner_utils.get_all_pairs_indices(labels, *others[1:])
        else:
            selected = in_reading_order(MINERS[selection](torch.tensor(batch["embeddings"]).double(), labels, *others))
        pairs = selected if len(selected) == 4 else (selected[0], selected[1], selected[0], selected[2])
        shape = (len(labels), len(others[1]) if others else len(labels))
        found[f"{selection}/positive"] = counts(pairs[0], pairs[1], shape)
        found[f"{selection}/negative"] = counts(pairs[2], pairs[3], shape)
        values = [evaluate(FORMS[form], batch["embeddings"], labels, selected, *others) for form in forms]
        found[f"{selection}/names"] = np.array(forms)
        found[f"{selection}/losses"] = np.array([value for value, _ in values])
        found[f"{selection}/gradients"] = np.stack([gradient for _, gradient in values])
    return found


def of_memory() -> dict[str, np.ndarray]:
    """Five steps of a memory that wraps around twice."""
    draw = random(11)
    labels = draw.integers(0, 4, size=(5, 6)).astype(np.int32)
    embeddings = (draw.normal(size=(4, DIM))[labels] + 0.7 * draw.normal(size=(5, 6, DIM))).astype(np.float32)
    found = {"embeddings": embeddings, "labels": labels}
    for name, loss in (
        ("contrastive", losses.ContrastiveLoss()),
        ("multi_similarity", losses.MultiSimilarityLoss()),
        ("ntxent", losses.NTXentLoss()),
    ):
        memory = losses.CrossBatchMemory(loss, embedding_size=DIM, memory_size=MEMORY)
        steps = [evaluate(memory, *batch) for batch in zip(embeddings, torch.tensor(labels).long(), strict=True)]
        found[f"{name}/losses"] = np.array([value for value, _ in steps])
        found[f"{name}/gradients"] = np.stack([gradient for _, gradient in steps])
    return found


def of_classes_apart() -> dict[str, np.ndarray]:
    """A class of duplicates far from another whose members are opposite each other, at a low temperature."""
    embeddings = np.array([[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, -1, 0]], np.float32)
    labels = torch.tensor([0, 0, 1, 1])
    found: dict = {"embeddings": embeddings, "labels": labels.numpy().astype(np.int32)}
    for name, kind in (("supcon", losses.SupConLoss), ("ntxent", losses.NTXentLoss)):
        for dtype in (torch.float32, torch.float64):
            value = kind(temperature=0.01)(torch.tensor(embeddings, dtype=dtype), labels)
            found[f"{name}/{str(dtype).removeprefix('torch.')}"] = value.numpy()
    return found


def main() -> None:
    """Compute and write the archive."""
    archive: dict = {f"memory/{key}": value for key, value in of_memory().items()}
    archive |= {f"apart/{key}": value for key, value in of_classes_apart().items()}
    for name, batch in batches().items():
        selections = ["every_pair", *MINERS]
        forms = list(FORMS)
        if name == "large":
            selections.remove("pair_margin")
        if "references" in batch:
            forms = [form for form in forms if not form.startswith("n_pairs")]
        archive |= {f"{name}/{key}": value for key, value in of_batch(batch, selections, forms).items()}
    save("similarity", archive)


if __name__ == "__main__":
    main()
