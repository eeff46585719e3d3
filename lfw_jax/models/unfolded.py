"""Strided convolutions as one matrix product over gathered patches, for CPUs.

XLA's gradients of a strided convolution run on a CPU at a fraction of the speed of a matrix product and transpose their
operands first. Gathering every patch into a row costs a pass over memory and leaves nothing but matrix products.
"""

from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float


def convolve(x: Float[Array, "n h w i"], kernel: Float[Array, "k k i o"], stride: int) -> Float[Array, "n h2 w2 o"]:
    """A convolution with zero padding ("SAME"), as `jax.lax.conv_general_dilated` computes it, up to rounding."""
    size = kernel.shape[0]
    outputs = [-(-length // stride) for length in x.shape[1:3]]
    missing = [max((out - 1) * stride + size - length, 0) for out, length in zip(outputs, x.shape[1:3], strict=True)]
    x = jnp.pad(x, ((0, 0), *((pixels // 2, pixels - pixels // 2) for pixels in missing), (0, 0)))
    if size % stride == 0:
        # Blocks of stride² pixels first: size² / stride² long pieces are faster gathered than size² short ones.
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
    """A drop-in for `nn.Conv(features, (size, size), (stride, stride), use_bias=False)`: same parameter, same result.

    Attributes:
      features: output channels.
      size: side of the kernel.
      stride: pixels from patch to patch.
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
