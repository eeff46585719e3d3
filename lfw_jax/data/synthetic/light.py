"""Shading of the head per pixel (skin colours, relief, highlights), and the effects of the camera."""

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageFilter

from lfw_jax.data.synthetic.camera import Camera
from lfw_jax.data.synthetic.identity import Identity
from lfw_jax.data.synthetic.nuisance import Nuisance

Plane = Float[np.ndarray, "side side"]
Photo = Float[np.ndarray, "3 side side"]

_MIDDLE = 120.0


def shine(photo: Photo, skin: Plane, head: Plane, camera: Camera, identity: Identity, nuisance: Nuisance) -> Photo:
    """Colour the skin and shade the head.

    Args:
      photo: unshaded colours, from 0 to 255.
      skin: the visible skin, from 0 to 1.
      head: the visible head, from 0 to 1.
      camera: the pose of the head.
      identity: the parameters of the identity.
      nuisance: the parameters of the photograph.

    Returns:
      The shaded colours.
    """
    surface, view = camera.head_map(photo.shape[1])
    photo = _colour_skin(photo, skin, surface, identity)
    shade, gloss = _shade(surface, view, camera, identity, nuisance)
    ambient_only = nuisance.ambient + 0.55 * (1 - nuisance.ambient)  # even light on everything but the head
    factor = ambient_only + head * (shade - ambient_only)
    return photo * factor + (60 - 24 * identity.skin_tone) * gloss * skin


def expose(
    photo: Float[np.ndarray, "3 side side"], nuisance: Nuisance, rng: np.random.Generator
) -> UInt8[np.ndarray, "side side 3"]:
    """Apply the effects of the camera: exposure, white balance, saturation, contrast, blur and noise.

    Args:
      photo: shaded colours, from 0 to 255.
      nuisance: the parameters of the photograph.
      rng: the source of the noise.

    Returns:
      The pixels.
    """
    gain = np.exp(nuisance.exposure + np.array((0.8, 0.0, -1.0)) * nuisance.temperature)
    photo = photo * gain.astype(np.float32)[:, None, None]
    grey = 0.299 * photo[0] + 0.587 * photo[1] + 0.114 * photo[2]
    photo = grey + nuisance.saturation * (photo - grey)
    photo = _pixels(_MIDDLE + nuisance.contrast * (photo - _MIDDLE))
    side = photo.shape[0]
    if nuisance.blur * side > 0.3:
        photo = np.asarray(Image.fromarray(photo).filter(ImageFilter.GaussianBlur(nuisance.blur * side)))
    # Most of a sensor's noise is in brightness, a smaller part in colour.
    grain = rng.standard_normal((1, side, side), np.float32) + 1.6 * (rng.random((3, side, side), np.float32) - 0.5)
    return _pixels(photo.transpose(2, 0, 1) + nuisance.noise * grain)


def _colour_skin(photo: Photo, skin: Plane, surface: Float[np.ndarray, "3 side side"], identity: Identity) -> Photo:
    """Colour the cheeks, the shadows under the eyes, and stubble or beard."""
    x, y = np.abs(surface[0]), surface[1]
    blush = skin * 0.16 * (0.4 + identity.skin_redness) * _bump(x - 0.52, y - 0.34, 0.24, 0.2)
    tired = skin * (0.1 + 0.2 * identity.age) * _bump(x - identity.eye_spacing, y - identity.eye_y - 0.14, 0.17, 0.07)
    photo = photo * np.stack((1 - tired, 1 - 0.6 * blush - tired, 1 - 0.6 * blush - 0.8 * tired))
    cover = skin * _beard(x, y, identity)
    beard = np.array(identity.hair, dtype=np.float32)[:, None, None] * 0.9
    return photo + cover * (beard - photo)


def _beard(x: Plane, y: Plane, identity: Identity) -> Plane:
    """Return the coverage of the beard, from 0 to 1; x is the distance from the middle of the face."""
    cheek_line = identity.mouth_y - 0.1 - 0.85 * np.maximum(0, x - 0.42)
    jaw = _step((y - cheek_line) / 0.14) * (x < 1.2 * identity.head_width)
    around_mouth = _bump(x, y - identity.mouth_y, identity.mouth_width * 1.05, 0.19)
    droop = y - identity.mouth_y + 0.17 - 0.45 * np.maximum(0, x - 0.12)
    moustache = _step((0.13 - np.abs(droop) - 0.12 * x) / 0.09) * _step((identity.mouth_width + 0.06 - x) / 0.2)
    chin = _step((y - identity.mouth_y - 0.16) / 0.1)
    jaw = jaw * np.maximum(1 - around_mouth, chin)
    return 0.92 * np.maximum(identity.beard_density * jaw, identity.moustache_density * moustache)


def _shade(
    surface: Float[np.ndarray, "3 side side"],
    view: Float[np.ndarray, "3 side side"],
    camera: Camera,
    identity: Identity,
    nuisance: Nuisance,
) -> tuple[Plane, Plane]:
    """Return the brightness (1 is full light) and the gloss of each pixel."""
    width, height, depth = (float(radius) for radius in camera.radii)
    # The ellipsoid is taken as unmoved by the pose: its own turning shows far less than that of the relief.
    slope_x, slope_y = view[0] / width**2, view[1] / height**2
    steep = view[2] / depth**2 + 0.12
    relief_x, relief_y = _relief_slopes(surface[0], surface[1], identity)
    normal = np.stack((slope_x - steep * relief_x, slope_y - steep * relief_y, steep))
    normal /= np.sqrt((normal * normal).sum(axis=0))
    # The light stands in the room; the normals are those of the upright head: undo the roll.
    sun = (camera.tilt.T @ np.array(nuisance.light)).astype(np.float32)
    facing = normal[0] * sun[0] + normal[1] * sun[1] + normal[2] * sun[2]
    diffuse = np.maximum(0, (facing + 0.15) / 1.15)
    half = sun + np.array((0, 0, 1), dtype=np.float32)
    half /= np.sqrt((half * half).sum())
    gloss = np.maximum(0, normal[0] * half[0] + normal[1] * half[1] + normal[2] * half[2])
    gloss = gloss**8
    gloss = gloss * gloss * gloss  # to the power of 24
    return nuisance.ambient + (1.05 - nuisance.ambient) * diffuse, gloss


def _relief_slopes(x: Plane, y: Plane, identity: Identity) -> tuple[Plane, Plane]:
    """Return the slopes of the relief of the face, in which each feature is a smooth hill or hollow."""
    base = identity.eye_y + identity.nose_length
    middle = identity.eye_y + 0.45 * identity.nose_length
    tip = 0.04 + 0.05 * identity.nose_tip
    hills = [  # x, y, height, half-width along x and along y
        (0.0, middle, 0.2, identity.nose_bridge, 0.6 * identity.nose_length),
        (0.0, base - 0.07, 0.1 + tip, 0.7 * identity.nose_width, 0.12),
        (0.0, identity.mouth_y + 0.02, 0.05, identity.mouth_width, 0.16),
        (0.0, identity.chin_length - 0.22, 0.09, 0.6 * identity.chin_width, 0.13),
        (0.0, identity.mouth_y + 0.23, -0.04, 0.24, 0.06),
    ]
    for side in (-1, 1):
        hills += [
            (side * identity.eye_spacing, identity.eye_y, -0.1, 0.24, 0.14),
            (side * identity.eye_spacing, identity.eye_y - identity.brow_gap, 0.06, 0.3, 0.09),
            (side * 0.6 * identity.cheek, 0.25, 0.1 * identity.cheek, 0.24, 0.2),
            (side * identity.nose_width * 0.85, base - 0.05, 0.05, 0.09, 0.09),
        ]
    slope_x, slope_y = np.zeros_like(x), np.zeros_like(y)
    for hill_x, hill_y, rise, half_x, half_y in hills:
        hill = np.float32(2 * rise) * _bump(x - hill_x, y - hill_y, half_x, half_y)
        slope_x -= hill * (x - hill_x) / half_x**2
        slope_y -= hill * (y - hill_y) / half_y**2
    return slope_x, slope_y


def _bump(x: Plane, y: Plane, half_x: float, half_y: float) -> Plane:
    """Return a Gaussian hill of height 1."""
    return np.exp(-((x / half_x) ** 2) - (y / half_y) ** 2)


def _step(value: Plane) -> Plane:
    """Return the smoothstep function: 0 below 0, 1 above 1, smooth in between."""
    clipped = np.clip(value, 0, 1)
    return clipped * clipped * (3 - 2 * clipped)


def _pixels(photo: Float[np.ndarray, "3 side side"]) -> UInt8[np.ndarray, "side side 3"]:
    return np.ascontiguousarray(np.clip(photo + 0.5, 0, 255).astype(np.uint8).transpose(1, 2, 0))
