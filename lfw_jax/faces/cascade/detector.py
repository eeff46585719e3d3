"""Face detection in images of any size by the JAX cascade, in batches."""

import threading
from collections import Counter
from collections.abc import Iterator, Sequence

import jax
import numpy as np
from jaxtyping import UInt8

from lfw_jax.faces.cascade.networks import load_weights
from lfw_jax.faces.cascade.sampling import level_sizes, scales
from lfw_jax.faces.cascade.stages import Faces, find_faces
from lfw_jax.faces.detection import Face
from lfw_jax.faces.mtcnn.settings import SMALLEST_IMAGE

_PIXELS = 512 * 512  # per image of a full batch; larger images are processed in smaller batches
_FIRST_CANVAS = 64  # pixels; the sides of canvases grow by half octaves

Shape = tuple[int, int]


class CascadeDetector:
    """MTCNN in JAX, on JAX's default device, for images of any size.

    It finds the faces that the mtcnn package finds. Each shape of a batch is compiled once, which takes seconds. A
    shape that fills a batch is compiled exactly; images of other shapes are placed on the smallest of a few canvases
    that holds them, which does not change the result. Calls from several threads may run in parallel.

    Args:
      batch_size: images per batch; smaller batches are filled up. 32 suits a CPU, 256 a GPU.
      capacity: boxes per image and scale that P-Net may propose. An image with more is processed again with twice the capacity,
        until no box is left out.

    Raises:
      UserError: the package mtcnn, or a package that reads its weights, is not installed.
      ValueError: a value is out of range.

    Example:
      >>> faces = CascadeDetector()([image])[0]  # doctest: +SKIP
    """

    def __init__(self, batch_size: int = 32, *, capacity: int = 256):
        if batch_size < 1 or capacity < 4:
            raise ValueError(f"batch_size must be at least 1 and capacity 4, found {batch_size} and {capacity}")
        self._batch_size, self._capacity = batch_size, capacity
        self._networks = jax.device_put(load_weights())
        self._own: set[Shape] = set()  # shapes that have filled a batch
        self._lock = threading.Lock()

    def __call__(self, images: Sequence[UInt8[np.ndarray, "h w 3"]]) -> list[list[Face]]:
        """Return the faces of each image, best score first; none for an image with a side below 24 pixels.

        Args:
          images: RGB images of any size.

        Raises:
          ValueError: an element is not a uint8 image with three channels.
        """
        images = [np.asarray(image) for image in images]
        for index, image in enumerate(images):
            if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
                raise ValueError(f"image {index} is {image.dtype}{list(image.shape)}; expected uint8[height, width, 3]")
        found: list[list[Face]] = [[] for _ in images]
        begun: tuple[Shape, list[int], Faces] | None = None
        for canvas, indices in self._batches(images):
            # The device computes this batch while the results of the previous one are collected.
            following = (canvas, indices, self._start(images, canvas, indices, self._capacity))
            if begun:
                self._finish(images, found, *begun)
            begun = following
        if begun:
            self._finish(images, found, *begun)
        return found

    def _batches(self, images: Sequence[np.ndarray]) -> Iterator[tuple[Shape, list[int]]]:
        """Yield the shape of each batch and the indices of its images."""
        shapes = [image.shape[:2] for image in images]
        counts = Counter(shapes)
        with self._lock:
            self._own |= {shape for shape, count in counts.items() if count >= self._size(shape)}
            own = set(self._own)
        groups: dict[Shape, list[int]] = {}
        for index, shape in enumerate(shapes):
            if min(shape) >= SMALLEST_IMAGE:
                canvas = shape if shape in own else (_canvas_side(shape[0]), _canvas_side(shape[1]))
                groups.setdefault(canvas, []).append(index)
        for canvas, indices in groups.items():
            size = self._size(canvas)
            yield from ((canvas, indices[start : start + size]) for start in range(0, len(indices), size))

    def _size(self, shape: Shape) -> int:
        """Return the batch size for images of a shape, which bounds the memory of a batch of large images."""
        return max(1, min(self._batch_size, self._batch_size * _PIXELS // (shape[0] * shape[1])))

    def _start(self, images: Sequence[np.ndarray], canvas: Shape, indices: Sequence[int], capacity: int) -> Faces:
        """Start the computation of a batch."""
        size = self._size(canvas)
        batch = np.zeros((size, *canvas, 3), np.uint8)
        for row, index in enumerate(indices):
            height, width = images[index].shape[:2]
            batch[row, :height, :width] = images[index]
        if all(images[index].shape[:2] == canvas for index in indices):
            return find_faces(self._networks, batch, capacity=capacity)
        at = scales(*canvas)
        sizes, targets = np.zeros((size, 2), np.int32), np.zeros((size, len(at), 2), np.int32)
        for row, index in enumerate(indices):
            height, width = images[index].shape[:2]
            sizes[row], targets[row] = (height, width), level_sizes(height, width, at)
        return find_faces(self._networks, batch, sizes, targets, capacity=capacity)

    def _finish(
        self, images: Sequence[np.ndarray], found: list[list[Face]], canvas: Shape, indices: Sequence[int], faces: Faces
    ) -> None:
        """Wait for a batch and store its faces; process images again whose boxes exceeded the capacity."""
        capacity = self._capacity
        while True:
            faces = jax.device_get(faces)
            for row, index in enumerate(indices):
                found[index] = _faces_of(faces, row)
            indices = [index for row, index in enumerate(indices) if faces.overflowed[row]]
            if not indices:
                return
            capacity *= 2
            faces = self._start(images, canvas, indices, capacity)


def _faces_of(faces: Faces, row: int) -> list[Face]:
    """Return the faces of one image of a batch."""
    valid = np.asarray(faces.valid[row])
    boxes, points, scores = (np.asarray(part[row])[valid] for part in (faces.boxes, faces.points, faces.scores))
    return [
        Face((left, top, right, bottom), five.astype(np.float64), float(score))
        for (left, top, right, bottom), five, score in zip(boxes.tolist(), points, scores, strict=True)
    ]


def _canvas_side(side: int) -> int:
    """Return the smallest side of a canvas that is not below `side`: 64, 90, 128, 181, 256 … pixels."""
    step = 0
    while int(_FIRST_CANVAS * 2 ** (step / 2)) < side:
        step += 1
    return int(_FIRST_CANVAS * 2 ** (step / 2))
