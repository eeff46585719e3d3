"""Faces of images of any size by the JAX cascade: images grouped into batches, each batch one call of a jitted function."""

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

_PIXELS = 512 * 512  # an image's share of a batch: larger images go in smaller batches
_FIRST_CANVAS = 64  # pixels; the sides of canvases grow by half octaves

Shape = tuple[int, int]


class CascadeDetector:
    """MTCNN in JAX, on JAX's default device: the faces that the mtcnn package finds, for images of any size.

    Every shape of a batch is compiled once, which takes seconds. A shape that fills a batch is compiled for itself;
    images of other shapes lie on the smallest canvas of a few sizes that holds them, which changes nothing in what is
    found. Calls from several threads may run side by side.

    Args:
      batch_size: images that go through the networks together; smaller batches are filled up. 32 suits a CPU, 256 a GPU.
      capacity: boxes that P-Net may propose at each scale and in each image. An image with more is looked at again with
        twice the capacity, until it is enough: no face is lost.

    Raises:
      UserError: the weights (of the package mtcnn) or what reads them is not installed.
    """

    def __init__(self, batch_size: int = 32, *, capacity: int = 256):
        if batch_size < 1 or capacity < 4:
            raise ValueError(f"batch_size must be at least 1 and capacity 4, found {batch_size} and {capacity}")
        self._batch_size, self._capacity = batch_size, capacity
        self._networks = jax.device_put(load_weights())
        self._own: set[Shape] = set()  # shapes that filled a batch
        self._lock = threading.Lock()

    def __call__(self, images: Sequence[UInt8[np.ndarray, "h w 3"]]) -> list[list[Face]]:
        """The faces of each image, the best score first; none in an image with a side below 24 pixels.

        Raises:
          ValueError: something that is no RGB image of bytes.
        """
        images = [np.asarray(image) for image in images]
        for place, image in enumerate(images):
            if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
                raise ValueError(f"image {place} is {image.dtype}{list(image.shape)}; expected uint8[height, width, 3]")
        found: list[list[Face]] = [[] for _ in images]
        begun: tuple[Shape, list[int], Faces] | None = None
        for canvas, places in self._batches(images):
            # The device computes while the batch before is taken apart.
            following = (canvas, places, self._start(images, canvas, places, self._capacity))
            if begun:
                self._finish(images, found, *begun)
            begun = following
        if begun:
            self._finish(images, found, *begun)
        return found

    def _batches(self, images: Sequence[np.ndarray]) -> Iterator[tuple[Shape, list[int]]]:
        """Shapes of arrays, each with the places of the images to lie in one."""
        shapes = [image.shape[:2] for image in images]
        counts = Counter(shapes)
        with self._lock:
            self._own |= {shape for shape, count in counts.items() if count >= self._size(shape)}
            own = set(self._own)
        groups: dict[Shape, list[int]] = {}
        for place, shape in enumerate(shapes):
            if min(shape) >= SMALLEST_IMAGE:
                canvas = shape if shape in own else (_canvas_side(shape[0]), _canvas_side(shape[1]))
                groups.setdefault(canvas, []).append(place)
        for canvas, places in groups.items():
            size = self._size(canvas)
            yield from ((canvas, places[start : start + size]) for start in range(0, len(places), size))

    def _size(self, shape: Shape) -> int:
        """Images of a batch of this shape, so that a batch of large ones fits into memory as well."""
        return max(1, min(self._batch_size, self._batch_size * _PIXELS // (shape[0] * shape[1])))

    def _start(self, images: Sequence[np.ndarray], canvas: Shape, places: Sequence[int], capacity: int) -> Faces:
        """Set off the computation of a batch."""
        size = self._size(canvas)
        batch = np.zeros((size, *canvas, 3), np.uint8)
        for row, place in enumerate(places):
            height, width = images[place].shape[:2]
            batch[row, :height, :width] = images[place]
        if all(images[place].shape[:2] == canvas for place in places):
            return find_faces(self._networks, batch, capacity=capacity)
        at = scales(*canvas)
        sizes, targets = np.zeros((size, 2), np.int32), np.zeros((size, len(at), 2), np.int32)
        for row, place in enumerate(places):
            height, width = images[place].shape[:2]
            sizes[row], targets[row] = (height, width), level_sizes(height, width, at)
        return find_faces(self._networks, batch, sizes, targets, capacity=capacity)

    def _finish(
        self, images: Sequence[np.ndarray], found: list[list[Face]], canvas: Shape, places: Sequence[int], faces: Faces
    ) -> None:
        """Wait for a batch and note its faces; look again where the capacity was too small."""
        capacity = self._capacity
        while True:
            faces = jax.device_get(faces)
            for row, place in enumerate(places):
                found[place] = _faces_of(faces, row)
            places = [place for row, place in enumerate(places) if faces.overflowed[row]]
            if not places:
                return
            capacity *= 2
            faces = self._start(images, canvas, places, capacity)


def _faces_of(faces: Faces, row: int) -> list[Face]:
    """The faces of one image of a batch."""
    valid = np.asarray(faces.valid[row])
    boxes, points, scores = (np.asarray(part[row])[valid] for part in (faces.boxes, faces.points, faces.scores))
    return [
        Face((left, top, right, bottom), five.astype(np.float64), float(score))
        for (left, top, right, bottom), five, score in zip(boxes.tolist(), points, scores, strict=True)
    ]


def _canvas_side(side: int) -> int:
    """The smallest side of a canvas that holds this one: 64, 90, 128, 181, 256 … pixels."""
    step = 0
    while int(_FIRST_CANVAS * 2 ** (step / 2)) < side:
        step += 1
    return int(_FIRST_CANVAS * 2 ** (step / 2))
