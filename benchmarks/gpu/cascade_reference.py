"""Reference file of the JAX cascade on a CPU, for comparison with another device."""

import dataclasses
import zlib
from pathlib import Path

import jax
import numpy as np
from jaxtyping import Float, Int, UInt8, UInt32

from lfw_jax.atomic_files import written_atomically
from lfw_jax.data.decoding.whole import decode_whole
from lfw_jax.data.formats.npz import NpzError, read_npz, write_npz
from lfw_jax.data.images import ImageSet
from lfw_jax.errors import UserError
from lfw_jax.faces.cascade.detector import CascadeDetector
from lfw_jax.faces.detection import Face

_BATCH = 32
_REMEDY = "make the bundle again: make gpu-bundle DATA=LFW"


@dataclasses.dataclass(frozen=True, eq=False)
class CascadeReference:
    """Faces of the first images of a set, those of one image after those of another.

    Attributes:
      counts: faces of each image.
      boxes: left, top, right, bottom; pixels.
      points: left eye, right eye, nose, left and right corner of the mouth; x and y in pixels.
      scores: 0 to 1, in falling order within an image.
      contents: CRC-32 of each image's file, or of its pixels where it has none.
      pixels: CRC-32 of each image's decoded pixels.
      made_with: JAX's version and the device, one string each.
    """

    counts: Int[np.ndarray, "images"]
    boxes: Float[np.ndarray, "faces 4"]
    points: Float[np.ndarray, "faces 5 2"]
    scores: Float[np.ndarray, "faces"]
    contents: UInt32[np.ndarray, "images"]
    pixels: UInt32[np.ndarray, "images"]
    made_with: np.ndarray

    def faces(self, image: int) -> list[Face]:
        """Return the faces of one image."""
        end = int(np.sum(self.counts[: image + 1]))
        return [
            Face(tuple(self.boxes[row].tolist()), self.points[row], float(self.scores[row]))
            for row in range(end - int(self.counts[image]), end)
        ]


def write_cascade_reference(originals: ImageSet, path: Path, images: int) -> None:
    """Run the cascade on the CPU over the first images of a set and store the faces.

    An older file is replaced.

    Args:
      originals: The set.
      path: File to write, `.npz`.
      images: Maximum number of images.

    Raises:
      UserError: If the weights of the cascade are missing, JAX has no CPU backend, or the file cannot be written.
      OSError: If an image cannot be read.
    """
    count = min(images, len(originals))
    decoded = [decode_whole(originals.images[place]) for place in range(count)]
    try:
        cpu = jax.devices("cpu")[0]
    except RuntimeError as error:
        raise UserError(
            f"found no CPU among JAX's backends ({error}), and the reference is made there; leave JAX_PLATFORMS unset."
        ) from error
    with jax.default_device(cpu):
        found = CascadeDetector(min(_BATCH, count))(decoded)
    faces = [face for some in found for face in some]
    reference = CascadeReference(
        counts=np.array([len(some) for some in found], np.int32),
        boxes=np.array([face.box for face in faces], np.float32).reshape(-1, 4),
        points=np.array([face.points for face in faces], np.float32).reshape(-1, 5, 2),
        scores=np.array([face.score for face in faces], np.float32),
        contents=np.array([content_crc(originals, place) for place in range(count)], np.uint32),
        pixels=np.array([pixels_crc(image) for image in decoded], np.uint32),
        made_with=np.array([f"JAX {jax.__version__}", f"{cpu.device_kind} ({cpu.platform})"]),
    )
    with written_atomically(path, replace=True) as (unfinished,):
        write_npz(unfinished, vars(reference), {})


def read_cascade_reference(path: Path) -> CascadeReference:
    """Read what `write_cascade_reference` wrote.

    Raises:
      UserError: no such file, a damaged one, or arrays that do not fit together.
    """
    names = [field.name for field in dataclasses.fields(CascadeReference)]
    if not path.is_file():
        raise UserError(f"{path}: found no such file; expected the faces that the cascade finds on a CPU; {_REMEDY}.")
    try:
        arrays = read_npz(path, names)
    except (NpzError, OSError) as error:
        raise UserError(f"{path}: not a readable .npz file ({error}); {_REMEDY}.") from error
    if missing := [name for name in names if name not in arrays]:
        raise UserError(f"{path}: found no array `{missing[0]}`, expected {', '.join(names)}; {_REMEDY}.")
    counts = arrays["counts"]
    if counts.ndim != 1 or not np.issubdtype(counts.dtype, np.integer) or not len(counts) or counts.min() < 0:
        raise UserError(
            f"{path}: `counts` is {counts.dtype}{list(counts.shape)}, expected integers [images], at least 0; {_REMEDY}."
        )
    images, faces = len(counts), int(counts.sum())
    expected = {
        "boxes": ("f", (faces, 4)), "points": ("f", (faces, 5, 2)), "scores": ("f", (faces,)),
        "contents": ("u", (images,)), "pixels": ("u", (images,)), "made_with": ("U", (2,)),
    }  # fmt: skip
    for name, (kind, shape) in expected.items():
        array = arrays[name]
        if array.dtype.kind != kind or array.shape != shape:
            raise UserError(
                f"{path}: `{name}` is {array.dtype}{list(array.shape)}, expected {list(shape)} for {images} images with "
                f"{faces} faces; {_REMEDY}."
            )
        if kind == "f" and not np.isfinite(array).all():
            raise UserError(f"{path}: `{name}` holds numbers that are not finite; {_REMEDY}.")
    return CascadeReference(**arrays)


def content_crc(originals: ImageSet, place: int) -> int:
    """Return the CRC-32 of an image's file, or of its pixels where it has none."""
    image = originals.images[place]
    if isinstance(image, Path):
        return zlib.crc32(image.read_bytes())
    return zlib.crc32(image) if isinstance(image, bytes) else pixels_crc(image)


def pixels_crc(pixels: UInt8[np.ndarray, "h w 3"]) -> int:
    """Return the CRC-32 of pixels."""
    return zlib.crc32(np.ascontiguousarray(pixels).data)
