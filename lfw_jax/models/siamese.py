"""A small Siamese network: convolutions, pooling and linear layers."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float


class SiameseCNN(nn.Module):
    """Blocks of convolution, ReLU and max pooling, then a hidden linear layer and a linear embedding.

    "Siamese" describes the training: both images of a pair pass through the same weights. The network has no normalisation layer.

    Attributes:
      embedding_dim: length of an embedding.
      features: channels of each convolution; each is followed by a 2×2 max pooling.
      hidden: width of the hidden linear layer.
      dtype: type of the activations.
      axis_name: unused, part of the common signature; there are no batch statistics.
    """

    embedding_dim: int = 128
    features: Sequence[int] = (32, 64, 128)
    hidden: int = 256
    dtype: Any = jnp.float32
    axis_name: str | None = None

    @nn.compact
    def __call__(self, images: Float[Array, "batch height width 3"], *, train: bool) -> Float[Array, "batch dim"]:
        """Embed a batch; training and inference are identical."""
        del train
        x = images.astype(self.dtype)
        for features in self.features:
            x = nn.relu(nn.Conv(features, (3, 3), dtype=self.dtype)(x))
            x = nn.max_pool(x, (2, 2), (2, 2))
        x = x.reshape(x.shape[0], -1)
        x = nn.relu(nn.Dense(self.hidden, dtype=self.dtype)(x))
        return nn.Dense(self.embedding_dim, dtype=self.dtype, name="embedding")(x).astype(jnp.float32)
