"""Distances of rewritten faces, and pairs of near faces in a set: the limits of --mode=dedupe.

    python -m benchmarks.near_faces --model=runs/mine/model --embeddings=crops.npz [--faces=64] [--pairs=True]

`crops.npz` is a file of --mode=embed --aligned, whose crops must still be there. A random sample of them is rewritten in several
ways and embedded again. `--pairs` counts the pairs of the whole set below several distances.
"""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from absl import app, flags
from PIL import Image, ImageEnhance
from rich.console import Console
from rich.table import Table

from lfw_jax.evaluation.verification import pair_distances
from lfw_jax.inference.model.embedding_table import read_table
from lfw_jax.inference.model.face_verifier import FaceVerifier

_MODEL = flags.DEFINE_string("model", None, "The model directory.", required=True)
_EMBEDDINGS = flags.DEFINE_string("embeddings", None, "A file of --mode=embed --aligned.", required=True)
_FACES = flags.DEFINE_integer("faces", 64, "Number of rewritten faces.")
_PAIRS = flags.DEFINE_bool("pairs", True, "Count the pairs of the set, too.")
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the sample.")

_LIMITS = (0.1, 0.15, 0.2, 0.22, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5)
_ROWS = 512


def main(_: list[str]) -> None:
    """Measure and print."""
    verifier = FaceVerifier.load(_MODEL.value)
    table, _manifest = read_table(Path(_EMBEDDINGS.value))
    rows = np.random.default_rng(_SEED.value).choice(len(table), _FACES.value, replace=False)
    images = [Image.open(table.sources[row]).convert("RGB") for row in rows]
    shown = Table(title=f"Distance of {len(rows)} rewritten crops from the original ones", title_justify="left")
    for column in ("", "median", "95 %", "largest"):
        shown.add_column(column, justify="right" if column else "left")
    for name, rewrite in REWRITING.items():
        found = verifier.embed([np.asarray(rewrite(image)) for image in images], aligned=True)
        both = np.concatenate([table.embeddings[rows], found])
        distances = pair_distances(both, np.arange(len(rows)), len(rows) + np.arange(len(rows)))
        shown.add_row(name, *(f"{value:.3f}" for value in np.quantile(distances, [0.5, 0.95, 1.0])))
    console = Console(width=100)
    console.print(shown)
    if _PAIRS.value:
        console.print(counted(table.embeddings, table.identities))


def counted(embeddings: np.ndarray, identities: np.ndarray) -> Table:
    """Return the numbers of pairs of one identity and of two below several distances."""
    counts = np.zeros((len(_LIMITS), 2), np.int64)
    for start in range(0, len(embeddings), _ROWS):
        block = embeddings[start : start + _ROWS]
        distances = np.sqrt(np.maximum(0, 2 - 2 * block @ embeddings[start:].T))
        above = np.arange(start, len(embeddings)) > np.arange(start, start + len(block))[:, None]
        same = identities[start : start + len(block), None] == identities[start:]
        for number, limit in enumerate(_LIMITS):
            near = above & (distances < limit)
            counts[number] += np.sum(near & same), np.sum(near & ~same)
    shown = Table(title=f"Pairs of {len(embeddings):,} faces", title_justify="left")
    for column in ("distance below", "one identity", "two identities"):
        shown.add_column(column, justify="right")
    for limit, (same, different) in zip(_LIMITS, counts.tolist(), strict=True):
        shown.add_row(f"{limit:.2f}", f"{same:,}", f"{different:,}")
    return shown


def _jpeg(image: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


def _halved(image: Image.Image) -> Image.Image:
    half = image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS)
    return half.resize(image.size, Image.Resampling.BICUBIC)


def _moved(image: Image.Image, pixels: int) -> Image.Image:
    return image.transform(
        image.size, Image.Transform.AFFINE, (1, 0, pixels, 0, 1, pixels / 2), Image.Resampling.BICUBIC
    )


REWRITING: dict[str, Callable[[Image.Image], Image.Image]] = {
    "JPEG of quality 75": lambda image: _jpeg(image, 75),
    "JPEG of quality 40": lambda image: _jpeg(image, 40),
    "half the size and back": _halved,
    "brighter by 20 %": lambda image: ImageEnhance.Brightness(image).enhance(1.2),
    "rotated by 3°": lambda image: image.rotate(3, Image.Resampling.BICUBIC),
    "moved by 2 pixels": lambda image: _moved(image, 2),
    "moved by 4 pixels": lambda image: _moved(image, 4),
    "without colour": lambda image: image.convert("L").convert("RGB"),
}
"""The ways of rewriting a crop."""


if __name__ == "__main__":
    app.run(main)
