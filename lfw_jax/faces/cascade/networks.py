"""The three networks of MTCNN as functions of arrays, with the weights of the mtcnn package.

Zhang et al. 2016, arXiv:1604.02878: P-Net proposes boxes at all positions of an image, R-Net refines them, and O-Net refines them
again and locates five points. All computations are float32 at the highest precision, so that GPU and CPU agree.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from lfw_jax.errors import UserError
from lfw_jax.faces.mtcnn.weights import read_weights, weight_file

# The layers in the order of the weight files: the shape of the kernel, and whether a PReLU follows.
_LAYERS = {
    "pnet": [
        ((3, 3, 3, 10), True),
        ((3, 3, 10, 16), True),
        ((3, 3, 16, 32), True),
        ((1, 1, 32, 4), False),  # offsets of the box
        ((1, 1, 32, 2), False),  # no face, face
    ],
    "rnet": [
        ((3, 3, 3, 28), True),
        ((3, 3, 28, 48), True),
        ((2, 2, 48, 64), True),
        ((576, 128), True),
        ((128, 4), False),
        ((128, 2), False),
    ],
    "onet": [
        ((3, 3, 3, 32), True),
        ((3, 3, 32, 64), True),
        ((3, 3, 64, 64), True),
        ((2, 2, 64, 128), True),
        ((1152, 256), True),
        ((256, 4), False),
        ((256, 10), False),  # points
        ((256, 2), False),
    ],
}


class Layer(NamedTuple):
    """A convolution or a dense layer.

    Attributes:
      kernel: `[h, w, in, out]` or `[in, out]`.
      bias: `[out]`.
      slope: `[out]`, of the PReLU that follows; None without one.
    """

    kernel: Float[Array, "*window inputs outputs"]
    bias: Float[Array, "outputs"]
    slope: Float[Array, "outputs"] | None


class Networks(NamedTuple):
    """The weights of the cascade: the layers of each network."""

    pnet: tuple[Layer, ...]
    rnet: tuple[Layer, ...]
    onet: tuple[Layer, ...]


def load_weights() -> Networks:
    """Return the weights of the installed mtcnn package.

    Raises:
      UserError: mtcnn, joblib or lz4 is not installed, or the files are not those of mtcnn 1.0.
    """
    return Networks(**{name: _layers(name, layers) for name, layers in _LAYERS.items()})


def _layers(name: str, layers: list[tuple[tuple[int, ...], bool]]) -> tuple[Layer, ...]:
    """Group the arrays of a weight file by layer: kernel, bias and, with a PReLU, its slope."""
    arrays = [np.asarray(array, np.float32) for array in read_weights(name)]
    sizes = [int(np.prod(shape[-1:])) for shape, _ in layers]
    expected: list[tuple[int, ...]] = []
    for (shape, active), size in zip(layers, sizes, strict=True):
        expected += [shape, (size,)] + [(size,)] * active
    found = [array.shape if array.ndim != 3 else array.shape[2:] for array in arrays]  # a slope may be [1, 1, out]
    if found != expected:
        raise UserError(
            f"{weight_file(name)} holds arrays of {found}; expected mtcnn 1.0's {expected}: `pip install mtcnn==1.0.0`."
        )
    rest = iter(arrays)
    return tuple(
        Layer(next(rest), next(rest), next(rest).reshape(-1) if active else None)  # pyright: ignore[reportArgumentType]
        for _, active in layers
    )


def _activate(x: Float[Array, "*shape channels"], layer: Layer) -> Float[Array, "*shape channels"]:
    """Add the bias and apply the PReLU, if there is one."""
    x = x + layer.bias
    return x if layer.slope is None else jnp.maximum(x, 0) + layer.slope * jnp.minimum(x, 0)


def _convolve(x: jax.Array, kernel: jax.Array, stride: int = 1) -> jax.Array:
    return jax.lax.conv_general_dilated(
        x,
        kernel,
        (stride, stride),
        "VALID",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        precision=jax.lax.Precision.HIGHEST,
    )


def _convolution(x: Float[Array, "n h w i"], layer: Layer) -> Float[Array, "n h2 w2 o"]:
    return _activate(_convolve(x, layer.kernel), layer)


def _convolution_of_blocks(x: Float[Array, "n h w i"], layer: Layer) -> list[Float[Array, "n h2 w2 o"]]:
    """Compute a 3×3 convolution as four arrays: the pixels (0, 0), (0, 1), (1, 0) and (1, 1) of each 2×2 block of the output.

    A single 4×4 convolution with stride 2 computes all four. Seven of its sixteen products are with zeros, but with so few
    channels it takes XLA half the time on a CPU, because each window yields four times the channels. If the output has an odd
    side, its last row or column of blocks contains meaningless pixels.
    """
    height, width = x.shape[1:3]
    x = jnp.pad(x, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)))
    offsets = [(dy, dx) for dy in (0, 1) for dx in (0, 1)]
    kernels = [jnp.pad(layer.kernel, ((dy, 1 - dy), (dx, 1 - dx), (0, 0), (0, 0))) for dy, dx in offsets]
    y = _convolve(x, jnp.concatenate(kernels, axis=3), stride=2)
    return [_activate(part, layer) for part in jnp.split(y, 4, axis=3)]


def _thin_convolution(x: Float[Array, "n h w i"], layer: Layer) -> Float[Array, "n h2 w2 o"]:
    """Compute a 3×3 convolution with few channels from the blocks of `_convolution_of_blocks`."""
    height, width = x.shape[1] - 2, x.shape[2] - 2
    blocks = jnp.stack(_convolution_of_blocks(x, layer), axis=3)
    n, down, across, _, channels = blocks.shape
    blocks = blocks.reshape(n, down, across, 2, 2, channels).transpose(0, 1, 3, 2, 4, 5)
    return blocks.reshape(n, 2 * down, 2 * across, channels)[:, :height, :width]


def _pool(x: Float[Array, "n h w c"], window: int, *, same: bool) -> Float[Array, "n h2 w2 c"]:
    """Take the maximum over windows of 2 or 3 pixels with stride 2; `same` pads the last window, as Keras does."""
    for axis in (1, 2):
        size = x.shape[axis]
        count = -(-size // 2) if same else (size - window) // 2 + 1
        # Keras pads an odd number of pixels at the end. A padding on both sides is never needed here.
        missing = max(0, 2 * (count - 1) + window - size)
        padding = [(0, missing if other == axis else 0) for other in range(4)]
        x = jnp.pad(x, padding, constant_values=-jnp.inf)
        parts = [jax.lax.slice_in_dim(x, k, k + 2 * count - 1, 2, axis) for k in range(window)]
        x = parts[0]
        for part in parts[1:]:
            x = jnp.maximum(x, part)
    return x


def _dense(x: Float[Array, "*shape i"], layer: Layer) -> Float[Array, "*shape o"]:
    kernel = layer.kernel.reshape(layer.kernel.shape[-2:])
    return _activate(jnp.matmul(x, kernel, precision=jax.lax.Precision.HIGHEST), layer)


def _flatten(x: Float[Array, "n h w c"]) -> Float[Array, "n features"]:
    """Flatten column by column, as the weights expect: the original implementation stored images in that order."""
    return x.transpose(0, 2, 1, 3).reshape(len(x), -1)


def _log_odds(logits: Float[Array, "*shape 2"]) -> Float[Array, "*shape"]:
    """Return the log-odds of a face. Its score, their sigmoid, is often rounded to 1 in float32, and cannot rank such windows."""
    return logits[..., 1] - logits[..., 0]


def pnet(
    layers: tuple[Layer, ...], images: Float[Array, "n h w 3"], sizes: Int[Array, "n 2"] | None = None
) -> tuple[Float[Array, "n h2 w2 4"], Float[Array, "n h2 w2"]]:
    """Apply P-Net to all windows of 12×12 pixels with a stride of 2.

    Args:
      layers: `Networks.pnet`.
      images: `[n, h, w, 3]`, pixels from -1 to 1, at least 12 × 12.
      sizes: `[n, 2]`, the height and width of each image within its array. Pixels beyond are ignored, and the outputs for windows
        that reach beyond are meaningless. None if all images fill the array.

    Returns:
      `[n, h2, w2, 4]`, the offsets of the box of a face from the window (left, top, right, bottom) in sides of the window, and
      `[n, h2, w2]`, the log-odds of a face.
    """
    height, width = images.shape[1] - 2, images.shape[2] - 2
    blocks = _convolution_of_blocks(images, layers[0])
    down, across = blocks[0].shape[1:3]
    if sizes is not None or height % 2 or width % 2:
        # A pooling window that reaches beyond the image uses only the pixels inside.
        heights, widths = (jnp.array([[height, width]]) if sizes is None else sizes - 2).T[:, :, None]
        rows, columns = 2 * jnp.arange(down), 2 * jnp.arange(across)
        masks = [
            (rows + dy < heights)[:, :, None, None] & (columns + dx < widths)[:, None, :, None]
            for dy in (0, 1)
            for dx in (0, 1)
        ]
        blocks = [jnp.where(mask, block, -jnp.inf) for mask, block in zip(masks, blocks, strict=True)]
        # Zero for a window without a pixel inside, because an infinity would affect its neighbours.
        blocks[0] = jnp.where(masks[0], blocks[0], 0)
    x = jnp.maximum(jnp.maximum(blocks[0], blocks[1]), jnp.maximum(blocks[2], blocks[3]))
    x = _thin_convolution(_thin_convolution(x, layers[1]), layers[2])
    return _dense(x, layers[3]), _log_odds(_dense(x, layers[4]))


def rnet(
    layers: tuple[Layer, ...], patches: Float[Array, "n 24 24 3"]
) -> tuple[Float[Array, "n 4"], Float[Array, "n"]]:
    """Apply R-Net to patches.

    Args:
      layers: `Networks.rnet`.
      patches: `[n, 24, 24, 3]`, pixels from -1 to 1.

    Returns:
      `[n, 4]`, the offsets of the box in units of its sides, and `[n]`, the log-odds of a face.
    """
    x = _pool(_thin_convolution(patches, layers[0]), 3, same=True)
    x = _pool(_convolution(x, layers[1]), 3, same=False)
    x = _dense(_flatten(_convolution(x, layers[2])), layers[3])
    return _dense(x, layers[4]), _log_odds(_dense(x, layers[5]))


def onet(
    layers: tuple[Layer, ...], patches: Float[Array, "n 48 48 3"]
) -> tuple[Float[Array, "n 4"], Float[Array, "n 5 2"], Float[Array, "n"]]:
    """Apply O-Net to patches.

    Args:
      layers: `Networks.onet`.
      patches: `[n, 48, 48, 3]`, pixels from -1 to 1.

    Returns:
      `[n, 4]`, the offsets of the box in units of its sides; `[n, 5, 2]`, five points (x, y) relative to the box, from 0 to 1;
      and `[n]`, the log-odds of a face.
    """
    x = _pool(_thin_convolution(patches, layers[0]), 3, same=True)
    x = _pool(_convolution(x, layers[1]), 3, same=False)
    x = _pool(_convolution(x, layers[2]), 2, same=True)
    x = _dense(_flatten(_convolution(x, layers[3])), layers[4])
    points = _dense(x, layers[6]).reshape(-1, 2, 5).swapaxes(1, 2)  # five x, then five y
    return _dense(x, layers[5]), points, _log_odds(_dense(x, layers[7]))
