"""Strided convolutions as one matrix product over unfolded patches, for CPUs.

On CPUs, XLA's gradients of a strided convolution transpose their operands first and run at a fraction of the speed of a matrix
product. Unfolding every patch into a row costs one pass over memory and leaves only matrix products.
"""

from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float


def convolve(x: Float[Array, "n h w i"], kernel: Float[Array, "k k i o"], stride: int) -> Float[Array, "n h2 w2 o"]:
    """Convolve with zero padding ("SAME"), equal to `jax.lax.conv_general_dilated` up to rounding.

    Args:
      x: the images.
      kernel: the kernel, with input and output channels.
      stride: the stride along both axes.
    """
    size = kernel.shape[0]
    outputs = [-(-length // stride) for length in x.shape[1:3]]
    missing = [max((out - 1) * stride + size - length, 0) for out, length in zip(outputs, x.shape[1:3], strict=True)]
    x = jnp.pad(x, ((0, 0), *((pixels // 2, pixels - pixels // 2) for pixels in missing), (0, 0)))
    if size % stride == 0:
        # Blocks of stride² pixels first: gathering size² / stride² long pieces is faster than size² short ones.
        pieces, blocks = size // stride, [out + size // stride - 1 for out in outputs]
        x = x[:, : blocks[0] * stride, : blocks[1] * stride]
        x = x.reshape(len(x), blocks[0], stride, blocks[1], stride, -1).swapaxes(2, 3).reshape(len(x), *blocks, -1)
        kernel = kernel.reshape(pieces, stride, pieces, stride, *kernel.shape[2:]).swapaxes(1, 2)
        steps = 1
    else:
        pieces, steps = size, stride
    height, width = ((out - 1) * steps + 1 for out in outputs)
    shifted = [
        x[:, down : down + height : steps, across : across + width : steps]
        for down in range(pieces)
        for across in range(pieces)
    ]
    return jnp.concatenate(shifted, axis=-1) @ kernel.reshape(-1, kernel.shape[-1])


class UnfoldedConv(nn.Module):
    """A drop-in replacement for `nn.Conv(features, (size, size), (stride, stride), use_bias=False)`.

    The parameter is the same, and the result is equal up to rounding.

    Attributes:
      features: output channels.
      size: side of the kernel.
      stride: stride along both axes.
      dtype: type of the arithmetic.
    """

    features: int
    size: int
    stride: int
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Float[Array, "n h w i"]) -> Float[Array, "n h2 w2 o"]:
        """Convolve."""
        shape = (self.size, self.size, x.shape[-1], self.features)
        kernel = self.param("kernel", nn.initializers.he_normal(), shape, jnp.float32)
        return convolve(x.astype(self.dtype), kernel.astype(self.dtype), self.stride)
