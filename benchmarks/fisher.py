"""Fisher vectors of dense SIFT beside local binary patterns: metrics of each, correlation and sum.

    python -m benchmarks.fisher --lfw=data/lfw --aligned=data/lfw_aligned

Both are described on LFW's View 1 training identities, aligned with a margin. Groups of identities are held out in turn: joint
Bayesian is fitted on all others, and pairs of the held-out ones are scored. Vocabulary and PCA, which see no labels, are fitted
once, on the identities that belong to no group. The vector of an image is the mean of its own and that of its mirror image. The
scores are added with equal weights, in units of their standard deviation over pairs of different identities.
"""

import dataclasses
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from absl import app, flags
from rich.console import Console
from rich.table import Table

from lfw_jax.backends.joint_bayesian import fit_joint_bayesian, log_likelihood_ratio
from lfw_jax.backends.pca import fit_pca
from lfw_jax.backends.projection import project
from lfw_jax.data.protocols.lfw_lists import generate_pairs, read_people
from lfw_jax.descriptors import DescriptorSettings, describe, mirrored, root
from lfw_jax.descriptors.dense_sift import DenseSift
from lfw_jax.descriptors.fisher_vector import VocabularySize, fisher_vectors, fit_vocabulary
from lfw_jax.evaluation.roc import roc_auc
from lfw_jax.evaluation.thresholds import best_accuracy
from lfw_jax.faces.alignment import similarity, template
from lfw_jax.faces.manifest import read_manifest

_LFW = flags.DEFINE_string("lfw", "data/lfw", "Folder of LFW's lists.")
_ALIGNED = flags.DEFINE_string(
    "aligned", "data/lfw_aligned", "Folder of --mode=align with a margin, with its manifest."
)
_GROUPS = flags.DEFINE_integer("groups", 4, "Groups of held-out identities.")
_IDENTITIES = flags.DEFINE_integer("identities", 300, "Identities of a group.")
_DIMENSION = flags.DEFINE_integer("dimension", 400, "Dimensions after PCA.")
_WHITENING = flags.DEFINE_float("whitening", 0.25, "Exponent of the variances in PCA.")
_CROP = flags.DEFINE_integer("crop", 128, "Side of the described centre, in pixels of the aligned image.")
_STRIDE = flags.DEFINE_integer("stride", 4, "Pixels between windows.")
_SCALES = flags.DEFINE_list("scales", ["1.414", "1", "0.707", "0.5", "0.354"], "Sizes relative to the aligned image.")
_GAUSSIANS = flags.DEFINE_integer("gaussians", 128, "Gaussians of the vocabulary.")
_LBP_SCALE = flags.DEFINE_float("lbp_scale", 47.0, "Eye distance at which binary patterns are described, in pixels.")
_SEED = flags.DEFINE_integer("seed", 0, "Seed of groups, pairs and vocabulary.")
_SCORES = flags.DEFINE_string("scores", "", "File for the scores of all pairs, as a compressed NumPy archive.")

_VOCABULARY_IMAGES = 2000


@dataclasses.dataclass(frozen=True, eq=False)
class Faces:
    """Aligned grey faces with their landmarks.

    Attributes:
      images: `[images, side, side]`.
      points: `[images, 5, 2]`, landmarks in these images.
      names: identities.
      numbers: numbers of the images of an identity.
    """

    images: np.ndarray
    points: np.ndarray
    names: np.ndarray
    numbers: np.ndarray


@contextmanager
def timed(what: str, seconds: dict[str, float]) -> Iterator[None]:
    """Record the CPU seconds of a block, of all threads."""
    start = time.process_time()
    yield
    seconds[what] = time.process_time() - start


def read_faces(aligned: Path, people: dict[str, int]) -> Faces:
    """Read the aligned faces of a list of identities."""
    rows = {row.file: row for row in read_manifest(aligned / "manifest.csv")}
    keys = [(name, number) for name in sorted(people) for number in range(1, people[name] + 1)]
    files = [f"{name}/{name}_{number:04d}.jpg" for name, number in keys]
    images = np.stack([cv2.imread(str(aligned / file), cv2.IMREAD_GRAYSCALE) for file in files])
    margin = (images.shape[1] - 112) // 2
    target = template() + margin
    points = []
    for file in files:
        face = rows[file].face
        if face is None:
            points.append(target)
            continue
        to_crop = similarity(face.points, target)
        points.append(face.points @ to_crop[:, :2].T + to_crop[:, 2])
    names, numbers = (np.array(part) for part in zip(*keys, strict=True))
    return Faces(images, np.stack(points), names, numbers)


def patterns(faces: Faces, seconds: dict[str, float]) -> np.ndarray:
    """Return square roots of binary patterns around landmarks, averaged with those of the mirror image."""
    settings = DescriptorSettings(scale=_LBP_SCALE.value)
    features = []
    with timed("binary patterns", seconds):
        for start in range(0, len(faces.images), 512):
            part = slice(start, start + 512)
            counts = describe(faces.images[part], faces.points[part], settings)
            features.append((root(counts) + root(mirrored(counts, settings))).astype(np.float16))
    return np.concatenate(features)


def fisher(faces: Faces, vocabulary_rows: np.ndarray, seconds: dict[str, float]) -> np.ndarray:
    """Return Fisher vectors, averaged with those of the mirror image."""
    low = (faces.images.shape[1] - _CROP.value) // 2
    centre = faces.images[:, low : low + _CROP.value, low : low + _CROP.value]
    sift = DenseSift(_STRIDE.value, tuple(map(float, _SCALES.value)))
    size = VocabularySize(gaussians=_GAUSSIANS.value)
    step = -(-len(vocabulary_rows) // _VOCABULARY_IMAGES)
    with timed("vocabulary", seconds):
        vocabulary = fit_vocabulary(centre[vocabulary_rows[::step]], sift, size, seed=_SEED.value)
    with timed("Fisher vectors and mirror images", seconds):
        vectors = fisher_vectors(centre, vocabulary, sift, dtype=np.float16)
        for start in range(0, len(centre), 512):
            part = slice(start, start + 512)
            vectors[part] += fisher_vectors(centre[part, :, ::-1], vocabulary, sift, dtype=np.float16)
    return vectors


def projected(features: np.ndarray, outside: np.ndarray) -> np.ndarray:
    """Return the features after a PCA of some of them, scaled to equal length."""
    projection = fit_pca(features[outside], _DIMENSION.value, whitening=_WHITENING.value, seed=_SEED.value)
    coordinates = project(projection, features)
    coordinates *= np.sqrt(_DIMENSION.value) / np.linalg.norm(coordinates, axis=1, keepdims=True)
    return coordinates


def scores(vectors: np.ndarray, names: np.ndarray, training: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Return the joint Bayesian score of pairs `[2, pairs]` of indices, fitted on the training rows."""
    model = fit_joint_bayesian(vectors[training], names[training])
    return np.asarray(log_likelihood_ratio(model, vectors[pairs[0]], vectors[pairs[1]]))


def sampled_pairs(faces: Faces, group: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return pairs of a group's images, as indices `[2, pairs]`, and which of them show one identity."""
    index = {key: i for i, key in enumerate(zip(faces.names.tolist(), faces.numbers.tolist(), strict=True))}
    counts = {name: faces.numbers[faces.names == name].tolist() for name in group.tolist()}
    pairs = generate_pairs(counts, pairs=600, seed=_SEED.value, per_identity=10)
    return np.array([[index[key] for key in side] for side in (pairs.first, pairs.second)]), pairs.same


def metrics(score: np.ndarray, same: np.ndarray) -> tuple[float, float]:
    """Return AUC and the best accuracy of any threshold, in percent."""
    distance = -np.asarray(score, np.float64)
    return roc_auc(distance, same), 100 * float(np.mean((distance < best_accuracy(distance, same)) == same))


def compared(members: dict[str, np.ndarray], same: np.ndarray) -> dict[str, tuple[float, float]]:
    """Return AUC and accuracy of each member and of their sum, and the correlation of the members.

    The correlation has two values: within pairs of one identity, and within those of two.
    """
    scaled = {name: score / score[~same].std() for name, score in members.items()}
    rows = {name: metrics(score, same) for name, score in scaled.items()}
    rows["sum"] = metrics(np.sum(list(scaled.values()), axis=0), same)
    first, second = scaled.values()
    within = [float(np.corrcoef(first[kind], second[kind])[0, 1]) for kind in (same, ~same)]
    rows["correlation (same, different)"] = within[0], within[1]
    return rows


def main(_: list[str]) -> None:
    seconds: dict[str, float] = {}
    faces = read_faces(Path(_ALIGNED.value), read_people(Path(_LFW.value) / "peopleDevTrain.txt"))
    order = np.random.default_rng(_SEED.value).permutation(np.unique(faces.names))
    groups = np.split(order[: _GROUPS.value * _IDENTITIES.value], _GROUPS.value)
    outside = np.flatnonzero(~np.isin(faces.names, np.concatenate(groups)))
    drawn = [sampled_pairs(faces, group) for group in groups]
    members: list[dict[str, np.ndarray]] = [{} for _ in groups]
    for name, described in (
        ("binary patterns", lambda: patterns(faces, seconds)),
        ("Fisher vectors", lambda: fisher(faces, outside, seconds)),
    ):
        features = described()
        with timed(f"PCA of {name}", seconds):
            vectors = projected(features, outside)
        del features
        with timed(f"joint Bayesian of {name}, {len(groups)} groups", seconds):
            for group, (pairs, _same), found in zip(groups, drawn, members, strict=True):
                found[name] = scores(vectors, faces.names, ~np.isin(faces.names, group), pairs)
    report(members, [same for _, same in drawn], seconds, len(faces.images))
    if _SCORES.value:
        joined = {name: np.concatenate([found[name] for found in members]) for name in members[0]}
        np.savez_compressed(_SCORES.value, same=np.concatenate([same for _, same in drawn]), **joined)


def report(
    members: list[dict[str, np.ndarray]], same: list[np.ndarray], seconds: dict[str, float], images: int
) -> None:
    """Print the figures of each group with their mean, and the CPU time."""
    console = Console(width=120)
    groups = [compared(found, kind) for found, kind in zip(members, same, strict=True)]
    table = Table(title="AUC and best accuracy in % per group of held-out identities", title_justify="left")
    for column in ("", *(f"group {i} ({len(kind)} pairs)" for i, kind in enumerate(same)), "mean"):
        table.add_column(column, justify="right")
    for name in groups[0]:
        values = np.array([group[name] for group in groups])
        table.add_row(name, *(f"{a:.4f}  {b:.2f}" for a, b in (*values, values.mean(axis=0))))
    console.print(table)
    for what, taken in seconds.items():
        console.print(f"{what}: {taken:.0f} s of CPU time, {images} images")


if __name__ == "__main__":
    app.run(main)
