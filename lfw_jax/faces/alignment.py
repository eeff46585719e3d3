"""Alignment: the crop in which the five points of a face have fixed positions.

Pixel coordinates are those of OpenCV and of the field's aligned sets: the centre of the first pixel is (0, 0).
"""

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

Points = Float[np.ndarray, "5 2"]
Similarity = Float[np.ndarray, "2 3"]

# Left eye, right eye, nose, left and right corner of the mouth, as the viewer sees them, in a crop of 112×112 pixels: the
# template of InsightFace's aligned sets, on which nearly every published face network was trained.
_TEMPLATE = np.array(
    [(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)]
)
_HEIGHT = 112
_WIDTHS = {1.0: 0.0, 96 / 112: 8.0}  # width : height → what is cut off on the left, in template pixels


def template(height: int = 112, width: int | None = None) -> Points:
    """Return the positions of the five points in a crop.

    Args:
      height: the height of the crop in pixels.
      width: its width, equal to the height (None) or 96 / 112 of it.

    Returns:
      `[5, 2]`, x and y in pixels: left eye, right eye, nose, left and right corner of the mouth as the viewer sees them.

    Raises:
      ValueError: the crop has another aspect ratio.

    Example:
      >>> template(112)[0].tolist()
      [38.2946, 51.6963]
    """
    width = height if width is None else width
    for ratio, left in _WIDTHS.items():
        if height > 0 and width == round(height * ratio):
            return (_TEMPLATE - (left, 0.0)) * (height / _HEIGHT)
    raise ValueError(f"expected a crop of n×n pixels or of 112n high × 96n wide, found {height} high × {width} wide")


def similarity(points: Float[np.ndarray, "points 2"], target: Float[np.ndarray, "points 2"]) -> Similarity:
    """Return the similarity transform that fits `points` to `target` best.

    A similarity is a rotation, a uniform scaling and a translation; it never mirrors. The transform minimises the sum
    of squared distances. Source: Umeyama 1991, "Least-squares estimation of transformation parameters between two
    point patterns".

    Args:
      points: `[points, 2]`, at least two.
      target: `[points, 2]`, the wanted positions.

    Returns:
      `[2, 3]`, the matrix `[A | t]` that maps a point p to `A p + t`.

    Raises:
      ValueError: the shapes differ, a coordinate is not finite, or all points coincide.

    Example:
      >>> similarity(np.array([(0, 0), (1, 0)]), np.array([(3, 0), (5, 0)])).tolist()
      [[2.0, -0.0, 3.0], [0.0, 2.0, 0.0]]
    """
    points, target = np.asarray(points, np.float64), np.asarray(target, np.float64)
    if points.ndim != 2 or points.shape != target.shape or points.shape[1] != 2 or len(points) < 2:
        raise ValueError(f"expected at least two points and as many targets, found {points.shape} and {target.shape}")
    if not (np.isfinite(points).all() and np.isfinite(target).all()):
        raise ValueError("a point is not finite")
    # A similarity of the plane is z → a z + b with complex a and b, for which least squares has a closed form.
    source, aim = points @ (1, 1j), target @ (1, 1j)
    centred = source - source.mean()
    spread = np.sum(np.abs(centred) ** 2)
    if spread <= 1e-12 * max(1.0, float(np.max(np.abs(source))) ** 2):
        raise ValueError("all points coincide, so that they determine no rotation and no scale")
    turn = np.sum(np.conj(centred) * (aim - aim.mean())) / spread
    shift = aim.mean() - turn * source.mean()
    return np.array([(turn.real, -turn.imag, shift.real), (turn.imag, turn.real, shift.imag)])


def warp(
    image: UInt8[np.ndarray, "h w 3"], to_crop: Similarity, height: int, width: int
) -> UInt8[np.ndarray, "h2 w2 3"]:
    """Resample an image bilinearly into a crop; pixels outside the image are black.

    Args:
      image: `[h, w, 3]`, RGB.
      to_crop: `[2, 3]`, the transform from image coordinates to crop coordinates.
      height: the height of the crop in pixels.
      width: its width.

    Returns:
      `[height, width, 3]`, the crop.
    """
    matrix = np.linalg.inv(np.vstack((to_crop, (0.0, 0.0, 1.0))))[:2]
    # Pillow's coordinates have the centre of the first pixel at (0.5, 0.5).
    matrix[:, 2] += 0.5 - matrix[:, :2] @ (0.5, 0.5)
    # A black border makes Pillow interpolate between the edge of the image and the black outside.
    bordered = np.pad(image, ((1, 1), (1, 1), (0, 0)))
    matrix[:, 2] += 1.0
    crop = Image.fromarray(bordered).transform(
        (width, height), Image.Transform.AFFINE, tuple(matrix.ravel()), Image.Resampling.BILINEAR
    )
    return np.asarray(crop, np.uint8)


def align(
    image: UInt8[np.ndarray, "h w 3"], points: Points, *, height: int = 112, width: int | None = None, margin: int = 0
) -> UInt8[np.ndarray, "h2 w2 3"]:
    """Return the crop in which the five points of a face are at `template(height, width)`.

    Args:
      image: `[h, w, 3]`, RGB.
      points: `[5, 2]`, the points of the face: x and y in pixels of the image.
      height: the height of the crop in pixels.
      width: its width; None for the height.
      margin: pixels added on every side at the same scale.

    Returns:
      `[height + 2 · margin, width + 2 · margin, 3]`, the crop; black outside the image.

    Raises:
      ValueError: `template` does not support the shape, or all points coincide.
    """
    target = template(height, width) + margin
    to_crop = similarity(points, target)
    # Bilinear interpolation of a face many times larger than its crop would alias. The image is therefore first reduced by
    # averaging, by an integer factor, to between one and two pixels per pixel of the crop.
    factor = int(1 / np.hypot(*to_crop[:, 0]))
    if factor >= 2:
        image = np.asarray(Image.fromarray(image).reduce(factor), np.uint8)
        # Pixel (x, y) of the smaller image is centred on factor · (x, y) + (factor − 1) / 2 of the larger.
        offset = to_crop[:, :2] @ np.full(2, (factor - 1) / 2) + to_crop[:, 2]
        to_crop = np.column_stack((to_crop[:, :2] * factor, offset))
    width = height if width is None else width
    return warp(image, to_crop, height + 2 * margin, width + 2 * margin)


def centre_crop(
    image: UInt8[np.ndarray, "h w 3"],
    *,
    height: int = 112,
    width: int | None = None,
    margin: int = 0,
    share: float = 0.544,
) -> UInt8[np.ndarray, "h2 w2 3"]:
    """Return the centre of an image, which replaces the aligned crop if no face is found.

    Args:
      image: `[h, w, 3]`, RGB.
      height: the height of the crop in pixels.
      width: its width; None for the height.
      margin: pixels added on every side at the same scale.
      share: the height of the cropped rectangle, without the margin, as a share of the image's shorter side. The default is
        136 of LFW's 250 pixels.

    Returns:
      `[height + 2 · margin, width + 2 · margin, 3]`, the crop; black outside the image.
    """
    width = height if width is None else width
    rows, columns = image.shape[:2]
    high = share * min(rows, columns) * (height + 2 * margin) / height
    across = high * (width + 2 * margin) / (height + 2 * margin)
    left, top = (columns - across) / 2, (rows - high) / 2
    beyond = max(0, int(np.ceil(-min(left, top))))
    picture = Image.fromarray(np.pad(image, ((beyond, beyond), (beyond, beyond), (0, 0))) if beyond else image)
    box = (left + beyond, top + beyond, left + across + beyond, top + high + beyond)
    size = (width + 2 * margin, height + 2 * margin)
    return np.asarray(picture.resize(size, Image.Resampling.BILINEAR, box=box), np.uint8)
