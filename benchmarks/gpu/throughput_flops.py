"""Floating-point operations of a residual network, counted from its layers."""

from collections.abc import Sequence

SOURCE = (
    "counted from the layers: 2 operations for each multiplication-addition of convolutions and dense layers (padding "
    "counted, element-wise work not), times 3 for the forward pass and the gradients by activations and by weights"
)


def resnet_forward(side: int, *, stages: Sequence[int], width: int, embedding_dim: int, classes: int) -> int:
    """Return the operations of one embedding of `lfw_jax.models.resnet.ResNet` and its class logits.

    Args:
      side: Side of the square image, in pixels.
      stages: Number of blocks in each stage.
      width: Channels inside the blocks of the first stage.
      embedding_dim: Length of an embedding.
      classes: Number of prototypes.
    """

    def halved(size: int) -> int:
        return -(-size // 2)

    def convolution(size: int, kernel: int, before: int, after: int) -> int:
        return 2 * kernel**2 * before * after * size**2

    size = halved(side)
    total = convolution(size, 7, 3, width)
    size, channels = halved(size), width
    for stage, blocks in enumerate(stages):
        features = width * 2**stage
        for block in range(blocks):
            total += convolution(size, 1, channels, features)
            size = halved(size) if stage and not block else size
            total += convolution(size, 3, features, features) + convolution(size, 1, features, 4 * features)
            if not block:  # channels or resolution change: the shortcut is a convolution, too
                total += convolution(size, 1, channels, 4 * features)
            channels = 4 * features
    return total + 2 * channels * embedding_dim + 2 * embedding_dim * classes


def resnet_step(side: int, *, stages: Sequence[int], width: int, embedding_dim: int, classes: int) -> int:
    """Return the operations of a training step per image: three times the forward pass (see `SOURCE`)."""
    forward = resnet_forward(side, stages=stages, width=width, embedding_dim=embedding_dim, classes=classes)
    return 3 * forward
