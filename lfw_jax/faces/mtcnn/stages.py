"""The three networks of the mtcnn package, compiled, over many images of any size at once.

Box arithmetic and non-maximum suppression are the package's own functions, the networks its own Keras models with its own
weights. What differs is how they are run: each network as one compiled graph, pixels handed over once as float32, images
grouped by size instead of padded to the largest, and the candidates of all groups in one pass of the second and third
network. Results are those of the package for images of one size, up to the rounding of float32 sums.
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
"""Of each face: the image, left, top, right, bottom, score, five x, five y. Pixels, not rounded."""

_PIXELS_A_PASS = 6_000_000  # of the first network's input, which keeps its activations below about a gigabyte


class Stages:
    """The cascade on the CPU; safe to call from several threads.

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
        """The faces of all images, each image's in the package's order (the best score first)."""
        with self._tf.device("CPU:0"):
            groups = [self._propose(images, places) for places in _groups(images)]
            groups = [group for group in groups if len(group[1])]
            for stage, side in ((1, 24), (2, 48)):
                groups = self._refine(groups, stage, side)
                if not groups:
                    return np.zeros((0, 16))
        rows = np.concatenate([self._limit(rows, pixels.shape) for pixels, rows in groups])
        return rows[np.argsort(rows[:, 0], kind="stable")]

    def _propose(self, images: Sequence[np.ndarray], places: list[int]) -> tuple[Any, np.ndarray]:
        """Pixels of images of one size, and candidates of the first network: place, box, score."""
        tf, boxes = self._tf, self._boxes
        # One array first: TensorFlow takes a list of arrays number by number.
        pixels = (tf.cast(tf.constant(np.stack([images[place] for place in places])), tf.float32) - 127.5) / 128.0
        height, width = images[places[0]].shape[:2]
        found = []
        for scale in self._images.build_scale_pyramid(width, height, SMALLEST_FACE, STEP):
            size = (int(height * scale), int(width * scale))
            if min(size) < WINDOW:
                continue
            maps = self._networks[0](tf.image.resize(pixels, size, method="area"))
            candidates = boxes.generate_bounding_box(maps[0], maps[1], THRESHOLDS[0])
            candidates = boxes.upscale_bboxes(candidates, np.full(len(places), scale))
            found.append(boxes.smart_nms_from_bboxes(candidates, OVERLAPS[0], initial_sort=False))
        if not found:
            return pixels, np.zeros((0, 7))
        kept = boxes.resize_to_square(boxes.smart_nms_from_bboxes(np.concatenate(found), OVERLAPS[1]))
        # Columns: the place in this group, the box, the score; last, the place among all images.
        return pixels, np.column_stack((kept, np.asarray(places)[kept[:, 0].astype(int)]))

    def _refine(self, groups: list[tuple[Any, np.ndarray]], stage: int, side: int) -> list[tuple[Any, np.ndarray]]:
        """The candidates that another network lets stand, with its corrections; the third adds the points."""
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
        """Boxes within the image, and its place among all in the first column. Points stay where they are."""
        shapes = np.tile(np.asarray(shape[1:]), (shape[0], 1))
        inside = self._boxes.limit_bboxes(rows, shapes, limit_landmarks=False)
        return np.column_stack((rows[:, -1], inside[:, 1:16]))


class _Answer:
    """The package asks its networks' answers for `numpy()`; this one is an array already."""

    def __init__(self, array: np.ndarray):
        self._array = array

    def numpy(self) -> np.ndarray:
        return self._array


def _groups(images: Sequence[np.ndarray]) -> list[list[int]]:
    """Places of images of one size, as many together as one pass takes; too small ones in none."""
    by_size: dict[tuple[int, int], list[int]] = {}
    for place, image in enumerate(images):
        if min(image.shape[:2]) >= SMALLEST_IMAGE:
            by_size.setdefault(image.shape[:2], []).append(place)
    groups = []
    for (height, width), places in by_size.items():
        size = max(1, _PIXELS_A_PASS // (height * width))
        groups += [places[start : start + size] for start in range(0, len(places), size)]
    return groups


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Nothing on standard error: TensorFlow's C++ announces oneDNN there at every start, whatever the log level."""
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
    """What is used of mtcnn."""

    def __init__(self):
        from mtcnn.network.onet import ONet
        from mtcnn.network.pnet import PNet
        from mtcnn.network.rnet import RNet
        from mtcnn.utils import bboxes, images, landmarks

        self.networks = {"pnet": PNet, "rnet": RNet, "onet": ONet}
        self.bboxes, self.images, self.landmarks = bboxes, images, landmarks


def _load() -> tuple[Any, _Package]:
    """TensorFlow with the accelerator left to JAX, and the package."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # silent but for errors
    try:
        with _silence():
            import tensorflow as tf

            tf.config.set_visible_devices([], "GPU")  # the accelerator belongs to JAX
            package = _Package()
            tf.constant(0.0)
    except ModuleNotFoundError as error:
        raise UserError(
            f"face detection needs the packages mtcnn and tensorflow ({error}); install them with "
            "`pip install lfw-jax[tensorflow]`."
        ) from error
    return tf, package
