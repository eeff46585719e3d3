"""A residual network for XLA on CPUs, whose stem avoids slow convolutions at high resolution."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from lfw_jax.models.embedding_norm import embedding_norm
from lfw_jax.models.unfolded import UnfoldedConv
from lfw_jax.models.winograd import WinogradConv


class BasicBlock(nn.Module):
    """Two 3×3 convolutions with a shortcut.

    Attributes:
      features: output channels.
      stride: stride of the first convolution.
      winograd: whether to use Winograd's method for stride 1, and patch products otherwise.
      dtype: type of the activations.
      axis_name: mapped axis over which batch statistics are averaged.
    """

    features: int
    stride: int
    winograd: bool
    dtype: Any
    axis_name: str | None

    @nn.compact
    def __call__(self, x: Float[Array, "batch h w c"], *, train: bool) -> Float[Array, "batch h2 w2 c2"]:
        """Apply the block."""
        norm = partial(
            nn.BatchNorm, use_running_average=not train, momentum=0.9, dtype=self.dtype, axis_name=self.axis_name
        )

        def conv(x: jax.Array, stride: int, name: str) -> jax.Array:
            if self.winograd and stride == 1:
                return WinogradConv(self.features, dtype=self.dtype, name=name)(x)
            if self.winograd:
                return UnfoldedConv(self.features, 3, stride, dtype=self.dtype, name=name)(x)
            return nn.Conv(
                self.features, (3, 3), (stride, stride), use_bias=False, dtype=self.dtype, name=name,
                kernel_init=nn.initializers.he_normal(),
            )(x)  # fmt: skip

        y = nn.relu(norm()(conv(x, self.stride, "conv1")))
        y = norm(scale_init=nn.initializers.zeros)(conv(y, 1, "conv2"))
        if x.shape != y.shape:
            # Average pooling before the 1×1 uses every pixel of the shortcut (ResNet-D; He et al. 2019, arXiv:1812.01187).
            x = nn.avg_pool(x, (self.stride,) * 2, (self.stride,) * 2) if self.stride > 1 else x
            x = norm()(nn.Dense(self.features, use_bias=False, dtype=self.dtype)(x))
        return nn.relu(x + y)


class PatchResNet(nn.Module):
    """An 8×8 stem of stride 4, residual blocks and a linear embedding of the flattened features.

    The stem reduces the resolution to a quarter, so that most arithmetic is at sizes where XLA's CPU convolutions reach the speed
    of a matrix product (16×16×96 and deeper). Flattening instead of average pooling preserves the positions of features, which
    are informative for roughly aligned faces.

    Attributes:
      embedding_dim: length of an embedding.
      features: channels of each block; a block with more channels than the one before halves the resolution.
      dropout: rate of dropout before the embedding.
      embedding_norm: whether the embedding has batch normalisation.
      winograd: whether 3×3 convolutions of stride 1 use Winograd's method; None means only on CPUs. The parameters are the same,
        so a checkpoint works with either method.
      dtype: type of the activations.
      axis_name: mapped axis over which batch statistics are averaged.
    """

    embedding_dim: int = 256
    features: Sequence[int] = (96, 96, 96, 192, 192, 192)
    dropout: float = 0.4
    embedding_norm: bool = True
    winograd: bool | None = None
    dtype: Any = jnp.float32
    axis_name: str | None = None

    @nn.compact
    def __call__(self, images: Float[Array, "batch height width 3"], *, train: bool) -> Float[Array, "batch dim"]:
        """Embed a batch. With `train`, batch statistics are used and updated, and dropout needs an rng."""
        winograd = jax.default_backend() == "cpu" if self.winograd is None else self.winograd
        norm = partial(nn.BatchNorm, use_running_average=not train, momentum=0.9, axis_name=self.axis_name)
        if winograd:
            stem = UnfoldedConv(self.features[0], 8, 4, dtype=self.dtype, name="Conv_0")
        else:
            stem = nn.Conv(
                self.features[0], (8, 8), (4, 4), use_bias=False, dtype=self.dtype, name="Conv_0",
                kernel_init=nn.initializers.he_normal(),
            )  # fmt: skip
        x = stem(images.astype(self.dtype))
        x = nn.relu(norm(dtype=self.dtype)(x))
        width = self.features[0]
        for features in self.features:
            stride = 2 if features > width else 1
            x = BasicBlock(features, stride, winograd, self.dtype, self.axis_name)(x, train=train)
            width = features
        x = x.reshape(x.shape[0], -1).astype(jnp.float32)
        x = nn.Dropout(self.dropout, deterministic=not train)(x)
        x = nn.Dense(self.embedding_dim, use_bias=False, name="embedding")(x)
        return embedding_norm(x, train=train, axis_name=self.axis_name) if self.embedding_norm else x
