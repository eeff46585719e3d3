"""What the camera adds: exposure, colour of the light, contrast, blur, noise."""

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageFilter

from lfw_jax.data.synthetic.nuisance import Nuisance

_MIDDLE = 120.0


def expose(
    photo: Float[np.ndarray, "3 side side"], nuisance: Nuisance, rng: np.random.Generator
) -> UInt8[np.ndarray, "side side 3"]:
    """Turn colours under light (0 to 255) into the pixels that a camera would have written."""
    gain = np.exp(nuisance.exposure + np.array((0.8, 0.0, -1.0)) * nuisance.temperature)
    photo = photo * gain.astype(np.float32)[:, None, None]
    grey = 0.299 * photo[0] + 0.587 * photo[1] + 0.114 * photo[2]
    photo = grey + nuisance.saturation * (photo - grey)
    photo = _pixels(_MIDDLE + nuisance.contrast * (photo - _MIDDLE))
    side = photo.shape[0]
    if nuisance.blur * side > 0.3:
        photo = np.asarray(Image.fromarray(photo).filter(ImageFilter.GaussianBlur(nuisance.blur * side)))
    # Most of a sensor's grain is brightness, a smaller part is colour.
    grain = rng.standard_normal((1, side, side), np.float32) + 1.6 * (rng.random((3, side, side), np.float32) - 0.5)
    return _pixels(photo.transpose(2, 0, 1) + nuisance.noise * grain)


def _pixels(photo: Float[np.ndarray, "3 side side"]) -> UInt8[np.ndarray, "side side 3"]:
    return np.ascontiguousarray(np.clip(photo + 0.5, 0, 255).astype(np.uint8).transpose(1, 2, 0))
