"""Write heads.npz: what pytorch-metric-learning 2.9.0 computes for the heads that it has.

    .peer/bin/python tests/metric/golden/make_heads.py   # the environment is that of archive.py

Everything is computed in float64 from inputs that are exact in float32. The keys of the archive are `batch/embeddings`,
`batch/labels`, `prototypes`, `centers`, `bias` and `batch/head/loss|gradient|prototype_gradient`. The plain softmax, which
pytorch-metric-learning leaves to PyTorch, is PyTorch's own cross-entropy.
"""

import numpy as np
import torch
from archive import random, save
from pytorch_metric_learning import losses

CLASSES, CENTERS, DIM, SIZE = 7, 3, 6, 12
draw = random(11)
PROTOTYPES = draw.normal(size=(CLASSES, DIM)).astype(np.float32)
NEAR = PROTOTYPES[:, None] + 0.8 * draw.normal(size=(CLASSES, CENTERS, DIM))
CENTERS_OF_CLASSES = NEAR.astype(np.float32)
BIAS = draw.normal(size=CLASSES).astype(np.float32)


class Softmax(torch.nn.Module):
    """Plain cross-entropy of inner products."""

    def __init__(self, bias: np.ndarray | None):
        super().__init__()
        self.W = torch.nn.Parameter(torch.empty(DIM, CLASSES))
        self.bias = None if bias is None else torch.tensor(bias, dtype=torch.float64)

    def forward(self, embeddings: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """The mean over the batch."""
        return torch.nn.functional.cross_entropy(torch.nn.functional.linear(embeddings, self.W.T, self.bias), labels)


def heads() -> dict[str, tuple[torch.nn.Module, np.ndarray]]:
    """Name → the loss, and the prototypes that it takes."""
    sizes = dict(num_classes=CLASSES, embedding_size=DIM)
    radians = np.rad2deg(0.5)
    single = {
        "softmax": Softmax(None),
        "softmax_bias": Softmax(BIAS),
        "normalized_softmax": losses.NormalizedSoftmaxLoss(**sizes),
        "arcface": losses.ArcFaceLoss(**sizes, margin=radians),
        "cosface": losses.CosFaceLoss(**sizes),
        "sphereface": losses.SphereFaceLoss(**sizes),
        "sphereface_3": losses.SphereFaceLoss(**sizes, margin=3, scale=2.5),
        "proxy_anchor": losses.ProxyAnchorLoss(**sizes),
        "proxy_anchor_soft": losses.ProxyAnchorLoss(**sizes, margin=0.3, alpha=4.0),
    }
    several = {
        "subcenter_arcface": losses.SubCenterArcFaceLoss(**sizes, margin=radians, sub_centers=CENTERS),
        "soft_triple": losses.SoftTripleLoss(**sizes, centers_per_class=CENTERS),
        "soft_triple_soft": losses.SoftTripleLoss(**sizes, centers_per_class=CENTERS, la=5.0, gamma=0.7, margin=0.2),
    }
    return {name: (head, PROTOTYPES) for name, head in single.items()} | {
        name: (head, CENTERS_OF_CLASSES) for name, head in several.items()
    }


def batches() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Name → embeddings and labels. `absent` lacks classes 0 and 3; `extreme` lies on and opposite prototypes."""

    def random(labels: np.ndarray, noise: float) -> tuple[np.ndarray, np.ndarray]:
        lengths = draw.uniform(0.3, 1.5, (len(labels), 1))
        embeddings = lengths * (PROTOTYPES[labels] + noise * draw.normal(size=(len(labels), DIM)))
        return embeddings.astype(np.float32), labels

    every = np.concatenate([np.arange(CLASSES), draw.integers(0, CLASSES, SIZE - CLASSES)])
    near, far = random(draw.permutation(every), 0.5), random(draw.permutation(every), 2.0)
    absent = random(draw.choice([1, 2, 4, 5, 6], SIZE), 1.0)
    zero = random(draw.integers(0, CLASSES, SIZE), 1.0)
    zero[0][5] = 0
    extreme = random(draw.permutation(every), 1.0)
    for start, factor in ((0, 2.0), (2, 1.0), (4, -0.7), (6, -1.0)):
        extreme[0][start : start + 2] = factor * PROTOTYPES[extreme[1][start : start + 2]]
    for start, factor in ((8, 2.0), (9, -1.3)):
        extreme[0][start] = factor * CENTERS_OF_CLASSES[extreme[1][start], 1]
    return {"near": near, "far": far, "absent": absent, "zero": zero, "extreme": extreme, "one": random(every[:1], 1.0)}


def evaluate(
    head: torch.nn.Module, prototypes: np.ndarray, embeddings: np.ndarray, labels: np.ndarray
) -> dict[str, np.ndarray]:
    """The loss and its gradients."""
    head = head.double()
    head.zero_grad()
    (parameter,) = head.parameters()
    rows = prototypes.reshape(-1, DIM)
    columns = parameter.shape[0] == DIM and parameter.shape[1] == len(rows)
    parameter.data = torch.tensor(rows.T if columns else rows, dtype=torch.float64)
    inputs = torch.tensor(embeddings, dtype=torch.float64, requires_grad=True)
    value = head(inputs, torch.tensor(labels))
    value.backward()
    gradient = parameter.grad.numpy().T if columns else parameter.grad.numpy()
    return {
        "loss": value.detach().numpy(),
        "gradient": inputs.grad.numpy().astype(np.float32),
        "prototype_gradient": gradient.reshape(prototypes.shape).astype(np.float32),
    }


def main() -> None:
    """Compute and write the archive."""
    archive: dict = {"prototypes": PROTOTYPES, "centers": CENTERS_OF_CLASSES, "bias": BIAS}
    for name, (embeddings, labels) in batches().items():
        archive |= {f"{name}/embeddings": embeddings, f"{name}/labels": labels.astype(np.int32)}
        for head, (loss, prototypes) in heads().items():
            found = evaluate(loss, prototypes, embeddings, labels)
            archive |= {f"{name}/{head}/{key}": value for key, value in found.items()}
    save("heads", archive)


if __name__ == "__main__":
    main()
