"""The alignment learned without labels, beside centre crops and crops by mtcnn's landmarks.

    python launch.py --mode=align --input=LFW --output=lfw_aligned
    python -m benchmarks.congealing --dir=LFW --aligned=lfw_aligned

Half of the identities of LFW's `peopleDevTrain.txt` train, the other half is measured; test identities take no part. The
landmarks of the manifest are the yardstick and nothing else: the alignment is learned without them. Printed are the scatter of
the landmarks in the crops, in pixels at a mean eye distance of 35, and the AUC of a comparison that knows nothing of faces: the
cosine of whitened principal components of 40×40 grey pixels, fitted to the training crops.
"""

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
from absl import app, flags
from jaxtyping import Float
from PIL import Image
from rich.console import Console
from rich.table import Table

from lfw_jax.data.batches.feeder import cores
from lfw_jax.data.decoding.whole import decode_whole
from lfw_jax.data.formats.folder import read_folder
from lfw_jax.data.images import ImageSet
from lfw_jax.data.pair_list import PairList
from lfw_jax.data.protocols.lfw_lists import generate_pairs, read_people
from lfw_jax.evaluation.roc import roc_auc
from lfw_jax.faces.align_set import MANIFEST
from lfw_jax.faces.alignment import similarity, template, warp
from lfw_jax.faces.congealing import CongealingSettings, fit_alignment_model
from lfw_jax.faces.congealing.detector import CongealingDetector
from lfw_jax.faces.congealing.features import grey_square
from lfw_jax.faces.manifest import read_manifest

_DIR = flags.DEFINE_string("dir", "", "LFW: a folder per identity, with peopleDevTrain.txt.")
_ALIGNED = flags.DEFINE_string("aligned", "", "Folder of --mode=align, for mtcnn's landmarks in its manifest.")
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the halves, of the pairs and of the fit.")
_SIDE, _COMPONENTS, _EYES, _AT_ONCE = 40, 200, 35.0, 256
_PARTS = {"eyes": slice(0, 2), "nose": slice(2, 3), "mouth": slice(3, 5), "all five": slice(0, 5)}

Points = Float[np.ndarray, "images 5 2"]
Made = TypeVar("Made")


def main(_: list[str]) -> None:
    """Learn, measure and print."""
    settings, clock = CongealingSettings(), [time.monotonic()]
    training, held_out = _halves(Path(_DIR.value))
    squares = np.stack(_each(training, lambda index: grey_square(decode_whole(training.images[index]), settings.crop)))
    detector = CongealingDetector(fit_alignment_model(squares, settings, _SEED.value))
    clock.append(time.monotonic())
    learned = {id(images): _learned_points(detector, images) for images in (training, held_out)}
    clock.append(time.monotonic())
    known = {row.file: row.face.points for row in read_manifest(Path(_ALIGNED.value) / MANIFEST) if row.face}
    kinds: dict[str, Callable[[ImageSet], Points]] = {
        "centre crop": lambda images: np.tile(_central_points(settings.crop), (len(images), 1, 1)),
        "learned": lambda images: learned[id(images)],
        "mtcnn": lambda images: _known_points(known, images, _central_points(settings.crop)),
    }
    landmarks = _known_points(known, held_out, np.full((5, 2), np.nan))
    numbers = held_out.numbers_by_identity()
    pairs = generate_pairs(numbers, pairs=3000, seed=_SEED.value, per_identity=10)
    table = Table(
        title=f"{len(held_out):,} images and {len(pairs):,} pairs of held-out identities", title_justify="left"
    )
    for column in ("crops", *_PARTS, "worse than the centre crop", "AUC"):
        table.add_column(column, justify="left" if column == "crops" else "right")
    first = None
    for name, points in kinds.items():
        errors = landmark_errors(points(held_out), landmarks)
        sizes = np.sqrt((errors**2).sum(axis=-1).mean(axis=-1))
        first = sizes if first is None else first
        scatter = [f"{np.sqrt((errors[:, part] ** 2).mean()):.2f}" for part in _PARTS.values()]
        area = _auc(_vectors(training, points(training)), _vectors(held_out, points(held_out)), held_out, pairs)
        table.add_row(name, *scatter, f"{(sizes > first).mean():.1%}", f"{area:.3f}")
    console = Console(width=110)
    console.print(table)
    speed = (len(training) + len(held_out)) / (clock[2] - clock[1])
    console.print(f"learned in {clock[1] - clock[0]:.0f} s, then {speed:.0f} images/s on {os.cpu_count()} cores")


def landmark_errors(points: Points, landmarks: Points) -> Float[np.ndarray, "faces 5 2"]:
    """Return how far the landmarks of each face are from their mean positions in the crops.

    Args:
      points: the points that the crops were made by.
      landmarks: the true landmarks; NaN for images without.

    Returns:
      The errors of the images that have landmarks, in pixels of a crop with a mean eye distance of 35 pixels.
    """
    present = np.isfinite(landmarks).all(axis=(1, 2))
    moved = []
    for some, true in zip(points[present], landmarks[present], strict=True):
        matrix = similarity(some, template())
        moved.append(true @ matrix[:, :2].T + matrix[:, 2])
    placed = np.array(moved)
    mean = placed.mean(axis=0)
    return (placed - mean) * (_EYES / np.hypot(*(mean[1] - mean[0])))


def _halves(folder: Path) -> tuple[ImageSet, ImageSet]:
    """Return the images of the two halves of the training identities of View 1."""
    names = sorted(read_people(folder / "peopleDevTrain.txt"))
    images = read_folder(folder)
    chosen = set(np.random.default_rng(_SEED.value).choice(names, len(names) // 2, replace=False).tolist())
    return images.of_identities(chosen), images.of_identities(set(names) - chosen)


def _each(images: ImageSet, make: Callable[[int], Made]) -> list[Made]:
    with ThreadPoolExecutor(cores()) as threads:
        return list(threads.map(make, range(len(images))))


def _learned_points(detector: CongealingDetector, images: ImageSet) -> Points:
    found = []
    for start in range(0, len(images), _AT_ONCE):
        indices = range(start, min(len(images), start + _AT_ONCE))
        found += [faces[0].points for faces in detector([decode_whole(images.images[index]) for index in indices])]
    return np.array(found)


def _central_points(crop: float, side: int = 250) -> Float[np.ndarray, "5 2"]:
    """Return the points of the template in the central crop of an image."""
    return (template() + 0.5 - 56) * (crop * side / 112) + (side - 1) / 2


def _known_points(known: dict[str, np.ndarray], images: ImageSet, otherwise: Float[np.ndarray, "5 2"]) -> Points:
    files = [Path(str(path)) for path in images.images]
    return np.array([known.get(f"{path.parent.name}/{path.name}", otherwise) for path in files])


def _vectors(images: ImageSet, points: Points) -> Float[np.ndarray, "images pixels"]:
    """Return the grey pixels of the crops, each with mean 0 and deviation 1."""

    def vector(index: int) -> np.ndarray:
        crop = warp(decode_whole(images.images[index]), similarity(points[index], template()), 112, 112)
        grey = Image.fromarray(crop).convert("L").resize((_SIDE, _SIDE), Image.Resampling.BILINEAR)
        pixels = np.asarray(grey, np.float32).ravel()
        return (pixels - pixels.mean()) / max(float(pixels.std()), 1e-6)

    return np.stack(_each(images, vector))


def _auc(training: np.ndarray, held_out: np.ndarray, images: ImageSet, pairs: PairList) -> float:
    mean = training.mean(axis=0)
    values, vectors = np.linalg.eigh((training - mean).T @ (training - mean))
    embeddings = (held_out - mean) @ vectors[:, -_COMPONENTS:] / np.sqrt(values[-_COMPONENTS:])
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    one, other = (embeddings[images.indices(side)] for side in (pairs.first, pairs.second))
    return roc_auc(1 - (one * other).sum(axis=1), pairs.same)


if __name__ == "__main__":
    app.run(main)
