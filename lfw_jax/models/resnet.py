"""Bottleneck residual networks (He et al. 2016, arXiv:1512.03385) with a linear embedding."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from lfw_jax.models.embedding_norm import embedding_norm


class Bottleneck(nn.Module):
    """1×1, 3×3 and 1×1 convolutions with a shortcut; the 3×3 has the stride (the "v1.5" variant).

    The 1×1 convolutions are `nn.Dense`, the same arithmetic as a matrix product: with XLA it is about 1.5 times as fast on CPUs
    and no slower on GPUs (benchmarks/training_step.py).

    Attributes:
      features: channels of the 3×3; the output has four times as many.
      stride: stride of the 3×3.
      dtype: type of the activations.
      axis_name: mapped axis over which batch statistics are averaged.
    """

    features: int
    stride: int
    dtype: Any
    axis_name: str | None

    @nn.compact
    def __call__(self, x: Float[Array, "batch h w c"], *, train: bool) -> Float[Array, "batch h2 w2 c2"]:
        """Apply the block."""
        norm = partial(
            nn.BatchNorm, use_running_average=not train, momentum=0.9, dtype=self.dtype, axis_name=self.axis_name
        )
        dense = partial(nn.Dense, use_bias=False, dtype=self.dtype, kernel_init=nn.initializers.he_normal())
        y = nn.relu(norm()(dense(self.features)(x)))
        y = nn.Conv(
            self.features, (3, 3), (self.stride,) * 2, use_bias=False, dtype=self.dtype,
            kernel_init=nn.initializers.he_normal(),
        )(y)  # fmt: skip
        y = nn.relu(norm()(y))
        # The last scale is initialised to zero, so that every block starts as the identity (Goyal et al. 2017).
        y = norm(scale_init=nn.initializers.zeros)(dense(4 * self.features)(y))
        if x.shape != y.shape:
            x = norm()(dense(4 * self.features)(x[:, :: self.stride, :: self.stride]))
        return nn.relu(x + y)


class ResNet(nn.Module):
    """A residual network of bottleneck blocks, with global average pooling and a linear embedding.

    Attributes:
      embedding_dim: length of an embedding.
      stages: number of blocks per stage; every stage but the first halves the resolution.
      width: channels inside the first stage's blocks, doubled by each stage.
      dropout: rate of dropout before the embedding.
      embedding_norm: whether the embedding has batch normalisation, and then no bias.
      dtype: type of the activations.
      axis_name: mapped axis over which batch statistics are averaged.
    """

    embedding_dim: int = 128
    stages: Sequence[int] = (2, 2, 2, 2)
    width: int = 64
    dropout: float = 0.0
    embedding_norm: bool = False
    dtype: Any = jnp.float32
    axis_name: str | None = None

    @nn.compact
    def __call__(self, images: Float[Array, "batch height width 3"], *, train: bool) -> Float[Array, "batch dim"]:
        """Embed a batch. With `train`, batch statistics are used and updated, and dropout needs an rng."""
        x = nn.Conv(
            self.width, (7, 7), (2, 2), use_bias=False, dtype=self.dtype, kernel_init=nn.initializers.he_normal()
        )(images.astype(self.dtype))
        x = nn.BatchNorm(use_running_average=not train, momentum=0.9, dtype=self.dtype, axis_name=self.axis_name)(x)
        x = nn.max_pool(nn.relu(x), (3, 3), (2, 2), padding="SAME")
        for stage, blocks in enumerate(self.stages):
            for block in range(blocks):
                stride = 2 if stage > 0 and block == 0 else 1
                x = Bottleneck(self.width * 2**stage, stride, self.dtype, self.axis_name)(x, train=train)
        x = jnp.mean(x, axis=(1, 2), dtype=jnp.float32)
        x = nn.Dropout(self.dropout, deterministic=not train)(x)
        x = nn.Dense(self.embedding_dim, dtype=jnp.float32, use_bias=not self.embedding_norm, name="embedding")(x)
        return embedding_norm(x, train=train, axis_name=self.axis_name) if self.embedding_norm else x


resnet50 = partial(ResNet, stages=(3, 4, 6, 3), width=64)
