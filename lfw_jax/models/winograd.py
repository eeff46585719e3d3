"""3×3 convolutions by Winograd's minimal filtering, F(4×4, 3×3), for CPUs.

A 3×3 convolution of a 4×4 output tile takes 36 instead of 144 multiplications per pair of channels (Lavin and Gray 2016,
arXiv:1509.09308). More important here, forward and backward pass become 36 matrix products, which XLA runs at full speed on CPUs;
its direct convolutions reach a fraction of that speed, especially in the gradient of the weights.
`benchmarks/training_step.py` compares both.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jaxtyping import Array, Float

# The transforms of input, kernel and output for the interpolation points 0, ±1, ±2 and infinity.
_INPUT = np.array(
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ],
    np.float32,
)
_KERNEL = (
    np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]], np.float32) / 24
)  # fmt: skip
_OUTPUT = np.array(
    [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]],
    np.float32,
)


def _combine(parts: Sequence[jax.Array], coefficients: np.ndarray) -> jax.Array:
    """Return a linear combination as additions, which XLA fuses into a single pass."""
    terms = [part if c == 1 else c * part for part, c in zip(parts, coefficients.tolist(), strict=True) if c]
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def _both_axes(
    matrix: np.ndarray, rows: Sequence[jax.Array], column: Callable[[jax.Array, int], jax.Array]
) -> jax.Array:
    """Return `matrix · tile · matrixᵀ` of every tile, `[out, out, ...]`, in two passes.

    `rows[k]` is row k of every tile; `column(y, k)` extracts column k of the stacked result of the first pass.
    """
    half = jnp.stack([_combine(rows, row) for row in matrix])
    columns = [column(half, k) for k in range(matrix.shape[1])]
    return jnp.stack([_combine(columns, row) for row in matrix], axis=1)


def _strided_tiles(x: Float[Array, "n h w c"], matrix: np.ndarray) -> Float[Array, "36 tiles c"]:
    """Transform the tiles that start at every fourth pixel of a padded image."""
    size = matrix.shape[1]

    def pick(y: jax.Array, axis: int, k: int) -> jax.Array:
        return jax.lax.slice_in_dim(y, k, k + y.shape[axis] - size + 1, 4, axis)

    tiles = _both_axes(matrix, [pick(x, 1, k) for k in range(size)], lambda half, k: pick(half, 3, k))
    return tiles.reshape(len(matrix) ** 2, -1, x.shape[-1])


def _input_tiles(x: Float[Array, "n h w c"]) -> Float[Array, "36 tiles c"]:
    """Return the transformed 6×6 tiles of a zero-padded image; neighbouring tiles overlap by two pixels."""
    height, width = x.shape[1:3]
    return _strided_tiles(jnp.pad(x, ((0, 0), (1, 1 + -height % 4), (1, 1 + -width % 4), (0, 0))), _INPUT)


def _output_tiles(y: Float[Array, "n h w c"]) -> Float[Array, "36 tiles c"]:
    """Apply the adjoint of the output transform, from the output to the 36 products."""
    height, width = y.shape[1:3]
    return _strided_tiles(jnp.pad(y, ((0, 0), (0, -height % 4), (0, -width % 4), (0, 0))), _OUTPUT.T)


def _transform_kernel(kernel: Float[Array, "3 3 i o"]) -> Float[Array, "36 i o"]:
    return _both_axes(_KERNEL, list(kernel), lambda half, k: half[:, k]).reshape(36, *kernel.shape[2:])


def _kernel_gradient(products: Float[Array, "36 i o"]) -> Float[Array, "3 3 i o"]:
    """Apply the adjoint of the kernel transform."""
    return _both_axes(_KERNEL.T, list(products.reshape(6, 6, *products.shape[1:])), lambda half, k: half[:, k])


def _assemble(products: Float[Array, "36 tiles c"], n: int, height: int, width: int) -> Float[Array, "n h w c"]:
    """Apply the output transform and join the 4×4 tiles."""
    down, across = -(-height // 4), -(-width // 4)
    tiles = _both_axes(_OUTPUT, list(products.reshape(6, 6, n, down, across, -1)), lambda half, k: half[:, k])
    return tiles.transpose(2, 3, 0, 4, 1, 5).reshape(n, 4 * down, 4 * across, -1)[:, :height, :width]


@jax.custom_vjp
def conv3x3(x: Float[Array, "n h w i"], kernel: Float[Array, "3 3 i o"]) -> Float[Array, "n h w o"]:
    """Convolve with a 3×3 kernel, stride 1 and zero padding ("SAME"), computed in float32.

    The result equals `jax.lax.conv_general_dilated` up to rounding, about 1e-5 of the largest output. The gradients use
    Winograd's method as well.

    Args:
      x: the images.
      kernel: the kernel, with input and output channels.
    """
    return _forward(x, kernel)[0]


def _forward(x: jax.Array, kernel: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    tiles = _input_tiles(x.astype(jnp.float32))
    products = jnp.einsum("kti,kio->kto", tiles, _transform_kernel(kernel.astype(jnp.float32)))
    y = _assemble(products, x.shape[0], x.shape[1], x.shape[2]).astype(x.dtype)
    return y, (tiles, kernel)


def _backward(residuals: tuple[jax.Array, jax.Array], gradient: jax.Array) -> tuple[jax.Array, jax.Array]:
    tiles, kernel = residuals
    # The adjoint of a convolution is the convolution with the kernel rotated by 180° and its channels swapped.
    rotated = jnp.flip(kernel, (0, 1)).swapaxes(2, 3)
    input_gradient = _forward(gradient, rotated)[0]
    products = jnp.einsum("kti,kto->kio", tiles, _output_tiles(gradient.astype(jnp.float32)))
    return input_gradient, _kernel_gradient(products).astype(kernel.dtype)


conv3x3.defvjp(_forward, _backward)


class WinogradConv(nn.Module):
    """A drop-in replacement for `nn.Conv(features, (3, 3), use_bias=False)`.

    The parameter is the same, and the result is equal up to rounding.

    Attributes:
      features: output channels.
      dtype: type of the result; the arithmetic is float32.
    """

    features: int
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: Float[Array, "n h w i"]) -> Float[Array, "n h w o"]:
        """Convolve."""
        kernel = self.param("kernel", nn.initializers.he_normal(), (3, 3, x.shape[-1], self.features), jnp.float32)
        return conv3x3(x.astype(self.dtype), kernel)
