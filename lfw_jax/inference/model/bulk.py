"""Embeddings of many photos, on all cores and devices, with a reason for each photo that fails."""

import dataclasses
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from lfw_jax.backends.unit_length import unit_length
from lfw_jax.errors import UserError
from lfw_jax.faces.detection import Face
from lfw_jax.inference.model.face_verifier import FaceVerifier
from lfw_jax.inference.model.photos import FacePhoto, Photo
from lfw_jax.inference.model.systems import FaceEmbedder, Prepared

Devices = Sequence[Any]
"""JAX devices."""

Report = Callable[[int], None]
"""Is called with a number of finished photos."""

_PHOTOS_PER_TASK = 16  # photos whose faces are detected together


@dataclasses.dataclass(frozen=True, eq=False)
class EmbeddedPhotos:
    """The embeddings of some photos.

    Attributes:
      embeddings: the embedding of each photo, of length 1; zero for a photo with a fault.
      faces: the embedded face of each photo; None for a centre, an aligned crop or a fault.
      found: number of faces found in each photo; 0 if none were looked for.
      faults: the reason why a photo was not embedded; "" if it was.
    """

    embeddings: Float[np.ndarray, "photos dim"]
    faces: tuple[Face | None, ...]
    found: tuple[int, ...]
    faults: tuple[str, ...]


@dataclasses.dataclass(frozen=True, eq=False)
class BulkFace:
    """A prepared face, or the reason why there is none.

    Attributes:
      prepared: the face as a system embeds it; None with a fault.
      face: the face in its photo; None for a centre, an aligned crop or a fault.
      found: number of faces found in the photo; 0 if none were looked for.
      fault: the reason why there is no prepared face; "" if there is one.
    """

    prepared: Prepared | None = None
    face: Face | None = None
    found: int = 0
    fault: str = ""


def embed_in_bulk(
    verifier: FaceVerifier,
    photos: Sequence[Callable[[], Photo]],
    *,
    aligned: bool,
    threads: int = 0,
    devices: Devices | None = None,
    report: Report | None = None,
) -> EmbeddedPhotos:
    """Embed photos. One that cannot be read or has no face gets a reason and does not stop the others.

    Args:
      verifier: the trained system.
      photos: functions that return the photos, or raise OSError. Each is called once; several threads call them.
      aligned: true if the photos are crops that the same alignment made.
      threads: number of threads that decode and align; 0 for one per core.
      devices: the devices that embed; None for all of this machine. Each takes an equal share of the photos.
      report: called with the number of photos that are decoded and aligned.
    """
    faces = prepare_in_bulk(verifier, photos, aligned=aligned, threads=threads, report=report)
    prepared = [face.prepared for face in faces if face.prepared is not None]
    found = embed_on(verifier.system, prepared, list(devices or jax.local_devices())) if prepared else None
    embeddings = np.zeros((len(faces), 0 if found is None else found.shape[1]), np.float32)
    if found is not None:
        embeddings[[face.prepared is not None for face in faces]] = unit_length(found)
    return EmbeddedPhotos(
        embeddings,
        tuple(face.face for face in faces),
        tuple(face.found for face in faces),
        tuple(face.fault for face in faces),
    )


def prepare_in_bulk(
    verifier: FaceVerifier,
    photos: Sequence[Callable[[], Photo]],
    *,
    aligned: bool,
    threads: int = 0,
    report: Report | None = None,
) -> list[BulkFace]:
    """Decode, align and crop photos.

    One that cannot be read or has no face gets a reason and does not stop the others.

    Args:
      verifier: the trained system.
      photos: functions that return the photos, or raise OSError. Each is called once; several threads call them.
      aligned: true if the photos are crops that the same alignment made.
      threads: number of threads; 0 for one per core.
      report: called with the number of prepared photos.
    """
    tasks = [photos[start : start + _PHOTOS_PER_TASK] for start in range(0, len(photos), _PHOTOS_PER_TASK)]
    whole = aligned or not verifier.aligns

    def prepare(task: Sequence[Callable[[], Photo]]) -> list[BulkFace]:
        return [_crop(verifier, photo) for photo in task] if whole else _aligned(verifier, task)

    with ThreadPoolExecutor(threads or os.cpu_count() or 1, thread_name_prefix="photos") as pool:
        faces: list[BulkFace] = []
        for found in pool.map(prepare, tasks):
            faces += found
            if report is not None:
                report(len(faces))
    return faces


def embed_on(system: FaceEmbedder, faces: Sequence[Prepared], devices: Devices) -> Float[np.ndarray, "faces dim"]:
    """Return the raw embedding of each face, computed by several devices at once.

    Args:
      system: the trained system.
      faces: prepared faces, at least one.
      devices: the devices; each takes an equal share of the faces.
    """
    share = -(-len(faces) // len(devices))
    shares = [faces[start : start + share] for start in range(0, len(faces), share)]

    def embed(index: int) -> Float[np.ndarray, "share dim"]:
        with jax.default_device(devices[index]):
            return system.embed(shares[index])

    with ThreadPoolExecutor(len(shares), thread_name_prefix="devices") as pool:
        return np.concatenate(list(pool.map(embed, range(len(shares)))))


def _crop(verifier: FaceVerifier, photo: Callable[[], Photo]) -> BulkFace:
    try:
        return BulkFace(verifier.system.prepare_aligned(photo()))
    except (UserError, OSError) as error:
        return BulkFace(fault=str(error))


def _aligned(verifier: FaceVerifier, photos: Sequence[Callable[[], Photo]]) -> list[BulkFace]:
    """Detect, choose and align the faces of photos, few enough to have their pixels in memory."""
    decoded, faults = {}, {}
    for index, photo in enumerate(photos):
        try:
            opened = photo()
            decoded[index] = opened.name, opened.decode()
        except (UserError, OSError) as error:
            faults[index] = BulkFace(fault=str(error))
    detected = verifier.finder.detect([pixels for _, pixels in decoded.values()]) if decoded else []
    for (index, (name, pixels)), faces in zip(decoded.items(), detected, strict=True):
        try:
            face = verifier.finder.choose(name, pixels, faces)
            faults[index] = BulkFace(verifier.system.prepare(FacePhoto(pixels, face)), face, len(faces))
        except UserError as error:
            faults[index] = BulkFace(found=len(faces), fault=str(error))
    return [faults[index] for index in range(len(photos))]
