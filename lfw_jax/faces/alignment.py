"""From five points of a face to a crop in which those points are where every other face has them.

Pixel coordinates are those of OpenCV and of the field's aligned sets: the centre of the first pixel is (0, 0).
"""

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

Points = Float[np.ndarray, "5 2"]
Similarity = Float[np.ndarray, "2 3"]

# Left eye, right eye, nose, left and right corner of the mouth, as the viewer sees them, in a crop of 112×112: the
# template of InsightFace's ArcFace sets, which nearly every published face network was trained on.
_TEMPLATE = np.array(
    [(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)]
)
_HEIGHT = 112
_WIDTHS = {1.0: 0.0, 96 / 112: 8.0}  # width : height → what the narrower crop loses on the left, in template pixels


def template(height: int = 112, width: int | None = None) -> Points:
    """Where the five points are in a crop of `height` × `width` pixels: square (the default), or 96 wide for 112 high.

    Raises:
      ValueError: another shape.
    """
    width = height if width is None else width
    for ratio, left in _WIDTHS.items():
        if height > 0 and width == round(height * ratio):
            return (_TEMPLATE - (left, 0.0)) * (height / _HEIGHT)
    raise ValueError(f"expected a crop of n×n pixels or of 112n high × 96n wide, found {height} high × {width} wide")


def similarity(points: Float[np.ndarray, "points 2"], target: Float[np.ndarray, "points 2"]) -> Similarity:
    """The rotation, scaling and shift that brings `points` nearest to `target` by least squares; it never mirrors.

    Source: Umeyama 1991, "Least-squares estimation of transformation parameters between two point patterns".

    Returns:
      `[A | t]`: a point p goes to `A p + t`.

    Raises:
      ValueError: shapes that differ, coordinates that are not finite, or points that all coincide.
    """
    points, target = np.asarray(points, np.float64), np.asarray(target, np.float64)
    if points.ndim != 2 or points.shape != target.shape or points.shape[1] != 2 or len(points) < 2:
        raise ValueError(f"expected at least two points and as many targets, found {points.shape} and {target.shape}")
    if not (np.isfinite(points).all() and np.isfinite(target).all()):
        raise ValueError("a point is not finite")
    # In the plane a similarity is z → a z + b with complex a and b, and least squares has a closed form.
    source, aim = points @ (1, 1j), target @ (1, 1j)
    centred = source - source.mean()
    spread = np.sum(np.abs(centred) ** 2)
    if spread <= 1e-12 * max(1.0, float(np.max(np.abs(source))) ** 2):
        raise ValueError("all points coincide: no rotation and no scale brings them to the target")
    turn = np.sum(np.conj(centred) * (aim - aim.mean())) / spread
    shift = aim.mean() - turn * source.mean()
    return np.array([(turn.real, -turn.imag, shift.real), (turn.imag, turn.real, shift.imag)])


def warp(
    image: UInt8[np.ndarray, "h w 3"], to_crop: Similarity, height: int, width: int
) -> UInt8[np.ndarray, "h2 w2 3"]:
    """The crop that `to_crop` (from image to crop coordinates) shows: bilinear, black beyond the image's border."""
    matrix = np.linalg.inv(np.vstack((to_crop, (0.0, 0.0, 1.0))))[:2]
    # Pillow's coordinates have the centre of the first pixel at (0.5, 0.5).
    matrix[:, 2] += 0.5 - matrix[:, :2] @ (0.5, 0.5)
    # A border of black, so that the image's edge fades as it does where pixels beyond it count as black.
    bordered = np.pad(image, ((1, 1), (1, 1), (0, 0)))
    matrix[:, 2] += 1.0
    crop = Image.fromarray(bordered).transform(
        (width, height), Image.Transform.AFFINE, tuple(matrix.ravel()), Image.Resampling.BILINEAR
    )
    return np.asarray(crop, np.uint8)


def align(
    image: UInt8[np.ndarray, "h w 3"], points: Points, *, height: int = 112, width: int | None = None, margin: int = 0
) -> UInt8[np.ndarray, "h2 w2 3"]:
    """The crop of `height` × `width` pixels in which the five points are at `template(height, width)`.

    Args:
      image: RGB.
      points: of the face, in pixels of the image.
      height: of the crop, pixels.
      width: of the crop; None is as high.
      margin: pixels shown around it on every side, at the same scale; the result is that much larger.

    Raises:
      ValueError: another shape than `template` has, or points that all coincide.
    """
    target = template(height, width) + margin
    to_crop = similarity(points, target)
    # A face many times larger than its crop: bilinear interpolation would pick single pixels, so that the image is
    # averaged down first, by whole factors, to between one and two pixels for each of the crop's.
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
    """The centre of an image, where LFW has its face: what stands in for alignment where no face is found.

    Args:
      image: RGB.
      height: of the crop, pixels.
      width: of the crop; None is as high.
      margin: pixels shown around it on every side; black beyond the image.
      share: height of the shown rectangle as a share of the image's shorter side; 136 of LFW's 250 pixels by default.
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
