"""The peer of the training step benchmark: the same ResNet-50 training step in PyTorch."""

from collections.abc import Callable, Sequence

import torch
from torch import nn


class Bottleneck(nn.Module):
    """1×1, 3×3 with the stride, 1×1, and a shortcut."""

    def __init__(self, channels: int, features: int, stride: int):
        super().__init__()
        widths = [(channels, features, 1, 1), (features, features, 3, stride), (features, 4 * features, 1, 1)]
        layers = [
            layer
            for before, after, size, step in widths
            for layer in (nn.Conv2d(before, after, size, step, size // 2, bias=False), nn.BatchNorm2d(after), nn.ReLU())
        ]
        self.residual = nn.Sequential(*layers[:-1])
        self.shortcut = nn.Identity()
        if stride > 1 or channels != 4 * features:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels, 4 * features, 1, stride, bias=False), nn.BatchNorm2d(4 * features)
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply the block."""
        return torch.relu(self.residual(x) + self.shortcut(x))


def resnet(embedding_dim: int, *, stages: Sequence[int] = (3, 4, 6, 3), width: int = 64) -> nn.Module:
    """Return a ResNet with stages of the given numbers of blocks; ResNet-50 has 3, 4, 6 and 3."""
    layers: list[nn.Module] = [
        nn.Conv2d(3, width, 7, 2, 3, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, 1),
    ]
    channels = width
    for stage, blocks in enumerate(stages):
        features = width * 2**stage
        for block in range(blocks):
            layers.append(Bottleneck(channels, features, 2 if stage and not block else 1))
            channels = 4 * features
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, embedding_dim))


def classification_loss(embeddings: torch.Tensor, prototypes: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Normalised softmax with scale 16."""
    logits = 16.0 * nn.functional.normalize(embeddings) @ nn.functional.normalize(prototypes).T
    return nn.functional.cross_entropy(logits, labels)


def resnet50_step(classes: int, batch_size: int, dtype: str) -> Callable[[], object]:
    """Return a training step with normalised softmax and Adam, on the GPU if there is one."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = resnet(128).to(device, memory_format=torch.channels_last)
    prototypes = nn.Parameter(torch.randn(classes, 128, device=device))
    optimizer = torch.optim.Adam([*model.parameters(), prototypes], 1e-3)
    images = torch.randn(batch_size, 3, 112, 112, device=device).to(memory_format=torch.channels_last)
    labels = torch.randint(classes, (batch_size,), device=device)

    def call() -> object:
        optimizer.zero_grad()
        with torch.autocast(device, torch.bfloat16, enabled=dtype == "bfloat16"):
            embeddings = model(images)
        loss = classification_loss(embeddings.float(), prototypes, labels)
        loss.backward()
        optimizer.step()
        return loss.item()

    return call
