"""The three networks of the mtcnn package, compiled and applied to many images of any size.

Networks, weights, box arithmetic and non-maximum suppression are those of the package. The execution differs: each network is
one compiled graph, pixels are transferred once as float32, images are grouped by size instead of padded to the largest, and the
second and third network process the candidates of all groups together. For images of one size the results are those of the
package, up to the rounding of float32 sums.
"""

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from lfw_jax.errors import UserError
from lfw_jax.faces.mtcnn.settings import OVERLAPS, SMALLEST_FACE, SMALLEST_IMAGE, STEP, THRESHOLDS, WINDOW
from lfw_jax.faces.mtcnn.weights import read_weights

Rows = Float[np.ndarray, "faces 16"]
"""The columns: image, left, top, right, bottom, score, five x, five y. Coordinates are in pixels, not rounded."""

_PIXELS_PER_PASS = 6_000_000  # input of the first network; its activations stay below about a gigabyte


class Stages:
    """The cascade on the CPU. It may be called from several threads.

    Raises:
      UserError: mtcnn or TensorFlow is not installed.
    """

    def __init__(self):
        self._tf, package = _load()
        tf = self._tf
        self._boxes, self._images, self._landmarks = package.bboxes, package.images, package.landmarks

        def compiled(name: str, side: int | None) -> Any:
            model = package.networks[name]()
            model.build()
            model.set_weights(read_weights(name))
            pixels = tf.TensorSpec([None, side, side, 3], tf.float32)
            return tf.function(lambda patches: model(patches)).get_concrete_function(pixels)

        with tf.device("CPU:0"):
            self._networks = [compiled(*network) for network in (("pnet", None), ("rnet", 24), ("onet", 48))]

    def __call__(self, images: Sequence[UInt8[np.ndarray, "h w 3"]]) -> Rows:
        """Return the faces of all images, sorted by image, those of an image in the order of the package (best score first)."""
        with self._tf.device("CPU:0"):
            groups = [self._propose(images, indices) for indices in _groups(images)]
            groups = [group for group in groups if len(group[1])]
            for stage, side in ((1, 24), (2, 48)):
                groups = self._refine(groups, stage, side)
                if not groups:
                    return np.zeros((0, 16))
        rows = np.concatenate([self._limit(rows, pixels.shape) for pixels, rows in groups])
        return rows[np.argsort(rows[:, 0], kind="stable")]

    def _propose(self, images: Sequence[np.ndarray], indices: list[int]) -> tuple[Any, np.ndarray]:
        """Return the pixels of images of one size, and the candidates of the first network."""
        tf, boxes = self._tf, self._boxes
        # Stacked first, because TensorFlow converts a list of arrays number by number.
        pixels = (tf.cast(tf.constant(np.stack([images[index] for index in indices])), tf.float32) - 127.5) / 128.0
        height, width = images[indices[0]].shape[:2]
        found = []
        for scale in self._images.build_scale_pyramid(width, height, SMALLEST_FACE, STEP):
            size = (int(height * scale), int(width * scale))
            if min(size) < WINDOW:
                continue
            maps = self._networks[0](tf.image.resize(pixels, size, method="area"))
            candidates = boxes.generate_bounding_box(maps[0], maps[1], THRESHOLDS[0])
            candidates = boxes.upscale_bboxes(candidates, np.full(len(indices), scale))
            found.append(boxes.smart_nms_from_bboxes(candidates, OVERLAPS[0], initial_sort=False))
        if not found:
            return pixels, np.zeros((0, 7))
        kept = boxes.resize_to_square(boxes.smart_nms_from_bboxes(np.concatenate(found), OVERLAPS[1]))
        # Columns: the index in this group, the box, the score, and the index among all images.
        return pixels, np.column_stack((kept, np.asarray(indices)[kept[:, 0].astype(int)]))

    def _refine(self, groups: list[tuple[Any, np.ndarray]], stage: int, side: int) -> list[tuple[Any, np.ndarray]]:
        """Return the candidates that the next network accepts, with corrected boxes; the third network adds the points."""
        tf, boxes = self._tf, self._boxes
        if not groups:
            return []
        patches = [self._images.extract_patches(pixels, rows[:, :6], (side, side)) for pixels, rows in groups]
        answers = [answer.numpy() for answer in self._networks[stage](tf.concat(patches, 0))]
        ends = np.cumsum([len(rows) for _, rows in groups])[:-1]
        refined = []
        for (pixels, rows), *parts in zip(groups, *(np.split(answer, ends) for answer in answers), strict=True):
            offsets, scores = parts[0], parts[-1]
            candidates = boxes.replace_confidence(rows[:, :6].copy(), scores)
            columns = [boxes.adjust_bboxes(candidates, offsets)]
            if stage == 2:
                columns.append(self._landmarks.adjust_landmarks(_Answer(parts[1]), rows))
            kept = np.column_stack((*columns, rows[:, -1]))
            kept = kept[kept[:, 5] > THRESHOLDS[stage]]
            kept = boxes.smart_nms_from_bboxes(kept, OVERLAPS[stage + 1], method="union" if stage == 1 else "min")
            if len(kept):
                refined.append((pixels, boxes.resize_to_square(kept) if stage == 1 else kept))
        return refined

    def _limit(self, rows: np.ndarray, shape: Sequence[int]) -> Rows:
        """Clip boxes to their image, and put its index among all images into the first column. Points are unchanged."""
        shapes = np.tile(np.asarray(shape[1:]), (shape[0], 1))
        inside = self._boxes.limit_bboxes(rows, shapes, limit_landmarks=False)
        return np.column_stack((rows[:, -1], inside[:, 1:16]))


class _Answer:
    """An array with the method `numpy()`, which the package calls on the outputs of its networks."""

    def __init__(self, array: np.ndarray):
        self._array = array

    def numpy(self) -> np.ndarray:
        return self._array


def _groups(images: Sequence[np.ndarray]) -> list[list[int]]:
    """Group the indices of images by size, with at most `_PIXELS_PER_PASS` pixels per group; omit images that are too small."""
    by_size: dict[tuple[int, int], list[int]] = {}
    for index, image in enumerate(images):
        if min(image.shape[:2]) >= SMALLEST_IMAGE:
            by_size.setdefault(image.shape[:2], []).append(index)
    groups = []
    for (height, width), indices in by_size.items():
        size = max(1, _PIXELS_PER_PASS // (height * width))
        groups += [indices[start : start + size] for start in range(0, len(indices), size)]
    return groups


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Silence standard error: TensorFlow's C++ code announces oneDNN at every start, whatever the log level."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


class _Package:
    """The parts of mtcnn that are used."""

    def __init__(self):
        from mtcnn.network.onet import ONet
        from mtcnn.network.pnet import PNet
        from mtcnn.network.rnet import RNet
        from mtcnn.utils import bboxes, images, landmarks

        self.networks = {"pnet": PNet, "rnet": RNet, "onet": ONet}
        self.bboxes, self.images, self.landmarks = bboxes, images, landmarks


def _load() -> tuple[Any, _Package]:
    """Return TensorFlow, without access to the accelerator, which JAX uses, and the package."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # errors only
    try:
        with _silence():
            import tensorflow as tf

            tf.config.set_visible_devices([], "GPU")
            package = _Package()
            tf.constant(0.0)
    except ModuleNotFoundError as error:
        raise UserError(
            f"this face detector needs the packages mtcnn and tensorflow ({error}); install them with "
            "`pip install lfw-jax[tensorflow]`, or choose the detector in JAX: --config.align.engine=jax."
        ) from error
    return tf, package
