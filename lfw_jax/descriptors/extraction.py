"""Feature vectors of aligned faces, and those of their mirror images."""

import numpy as np
from jaxtyping import Float, Int, Num, UInt8

from lfw_jax.descriptors.binary_patterns import MIRRORED_BINS
from lfw_jax.descriptors.gradients import mirrored_orientations
from lfw_jax.descriptors.histograms import gradient_histograms, pattern_histograms
from lfw_jax.descriptors.landmark_points import MIRRORED, sixteen_points
from lfw_jax.descriptors.patches import cut_patches, patch_corners
from lfw_jax.descriptors.resampling import even_size, resample
from lfw_jax.descriptors.settings import DescriptorSettings, dimension

TEMPLATE_EYE_DISTANCE = 35.2378
"""Distance of the eyes in the 112×112 template of `lfw_jax.faces.alignment`, in pixels; margins do not change it."""

_CHUNK = 32  # images at a time: about 40 MB of intermediate arrays at a scale of 47 pixels


def describe(
    images: UInt8[np.ndarray, "images height width"] | UInt8[np.ndarray, "images height width 3"],
    points: Float[np.ndarray, "images 5 2"],
    settings: DescriptorSettings,
    *,
    eye_distance: float = TEMPLATE_EYE_DISTANCE,
) -> UInt8[np.ndarray, "images dim"] | Float[np.ndarray, "images dim"]:
    """Return the feature vector of each image.

    Args:
      images: aligned crops, grey or RGB, with the face upright.
      points: x and y of the left eye, right eye, nose, left and right corner of the mouth, as the viewer sees them, in pixels of
        these images. Points outside the image are valid: the edge of the image is repeated.
      settings: the descriptor.
      eye_distance: distance of the template's eyes in pixels of these images.

    Returns:
      `[images, dimension(settings)]`, by patch, row and column of cells, and bin. Counts of pixels (uint8) for "lbp",
      shares of the magnitude (float32) for "gradients", 0 where all pixels are equal.

    Raises:
      ValueError: an array has another shape or type, a point is not finite, or `eye_distance` is not positive.
    """
    points = _checked(images, points, eye_distance)
    out = np.empty((len(images), dimension(settings)), np.uint8 if settings.kind == "lbp" else np.float32)
    factor = settings.scale / eye_distance
    height, width = (even_size(side, factor) for side in images.shape[1:3])
    scaling = np.array((width, height)) / (images.shape[2], images.shape[1])
    side, border = settings.cells_per_side * settings.cell, settings.radius if settings.kind == "lbp" else 1
    for first in range(0, len(images), _CHUNK):
        part = slice(first, first + _CHUNK)
        resampled = resample(grey(images[part]), height, width)
        if settings.layout == "points":
            centres = (sixteen_points(points[part]) + 0.5) * scaling - 0.5
        else:
            centres = np.broadcast_to(((width - 1) / 2, (height - 1) / 2), (len(resampled), 1, 2))
        corners = patch_corners(centres, height=height, width=width, side=side)
        patches = cut_patches(resampled, corners, side=side, border=border)
        histograms = pattern_histograms if settings.kind == "lbp" else gradient_histograms
        out[part] = histograms(patches, settings)
    return out


def mirrored(features: Num[np.ndarray, "images dim"], settings: DescriptorSettings) -> Num[np.ndarray, "images dim"]:
    """Return the features of the mirrored images, by a permutation of patches, cells and bins.

    They equal `describe(images[:, :, ::-1], mirrored_points(points, width), settings)`; gradients up to rounding.

    Args:
      features: those of `describe`.
      settings: the descriptor.

    Raises:
      ValueError: the features have another length than those of the descriptor.
    """
    if features.ndim != 2 or features.shape[1] != dimension(settings):
        raise ValueError(f"expected features [images, {dimension(settings)}], found {list(features.shape)}")
    return features[:, _reflection(settings)]


def root(features: Num[np.ndarray, "images dim"]) -> Float[np.ndarray, "images dim"]:
    """Return the square roots of features in float32.

    Large bins, such as those of flat skin, then weigh less. Source: Arandjelović, Zisserman 2012, "Three things everyone should
    know to improve object retrieval".

    Args:
      features: those of `describe`.
    """
    return np.sqrt(features, dtype=np.float32)


def _checked(images: np.ndarray, points: np.ndarray, eye_distance: float) -> Float[np.ndarray, "images 5 2"]:
    """Return the points in float64.

    Raises:
      ValueError: an argument of `describe` is invalid.
    """
    if images.dtype != np.uint8 or not (images.ndim == 3 or (images.ndim == 4 and images.shape[3] == 3)):
        raise ValueError(
            f"expected uint8 images [images, height, width] or [images, height, width, 3], found {images.dtype} "
            f"{list(images.shape)}"
        )
    if min(images.shape[1:3]) < 2:
        raise ValueError(f"expected images of at least 2×2 pixels, found {list(images.shape)}")
    points = np.asarray(points, np.float64)
    if points.shape != (len(images), 5, 2):
        raise ValueError(f"expected points [{len(images)}, 5, 2], found {list(points.shape)}")
    broken = np.flatnonzero(~np.isfinite(points).all(axis=(1, 2)))
    if len(broken):
        raise ValueError(
            f"the points of {len(broken)} images are not finite, the first is image {broken[0]}; pass the template's points "
            f"for an image without a detected face"
        )
    if not 0 < eye_distance < np.inf:
        raise ValueError(f"expected a positive eye distance in pixels, found {eye_distance}")
    return points


def grey(
    images: UInt8[np.ndarray, "images height width"] | UInt8[np.ndarray, "images height width 3"],
) -> UInt8[np.ndarray, "images height width"]:
    """Return luma with the weights of ITU-R BT.601, in 1/256: the sums fit 16 bits.

    Args:
      images: RGB images, or grey ones, which are returned unchanged.
    """
    if images.ndim == 3:
        return images
    red, green, blue = (images[..., channel].astype(np.uint16) for channel in range(3))
    return ((77 * red + 150 * green + 29 * blue + 128) >> 8).astype(np.uint8)


def _reflection(settings: DescriptorSettings) -> Int[np.ndarray, "dim"]:
    """Return the index of each feature in the features of the mirrored image."""
    cells = settings.cells_per_side
    patches = MIRRORED if settings.layout == "points" else np.zeros(1, np.int64)
    bins = MIRRORED_BINS if settings.kind == "lbp" else mirrored_orientations(settings.orientations)
    indices = np.arange(dimension(settings)).reshape(settings.patches, cells, cells, settings.bins)
    return indices[patches][:, :, ::-1][..., bins].ravel()
