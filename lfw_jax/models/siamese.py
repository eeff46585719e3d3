"""The small Siamese network of the report: convolutions, pooling, linear layers."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float


class SiameseCNN(nn.Module):
    """Convolution, ReLU, pooling, a few times; then a hidden linear layer and a linear embedding.

    "Siamese" is how it is trained: both images of a pair go through the same weights. It has no normalisation layer,
    as the report's had none.

    Attributes:
      embedding_dim: length of an embedding.
      features: channels of each convolution; each is followed by a 2×2 max pooling.
      hidden: width of the hidden linear layer.
      dtype: type of the activations.
      axis_name: taken for the common signature; nothing here averages over the batch.
    """

    embedding_dim: int = 128
    features: Sequence[int] = (32, 64, 128)
    hidden: int = 256
    dtype: Any = jnp.float32
    axis_name: str | None = None

    @nn.compact
    def __call__(self, images: Float[Array, "batch height width 3"], *, train: bool) -> Float[Array, "batch dim"]:
        """Embed a batch; training and inference compute the same."""
        del train
        x = images.astype(self.dtype)
        for features in self.features:
            x = nn.relu(nn.Conv(features, (3, 3), dtype=self.dtype)(x))
            x = nn.max_pool(x, (2, 2), (2, 2))
        x = x.reshape(x.shape[0], -1)
        x = nn.relu(nn.Dense(self.hidden, dtype=self.dtype)(x))
        return nn.Dense(self.embedding_dim, dtype=self.dtype, name="embedding")(x).astype(jnp.float32)
