"""Area under the ROC curve of texture descriptors on held-out identities, after PCA.

    python -m benchmarks.descriptor_pairs --faces=ALIGNED --people=LFW/peopleDevTrain.txt
    python -m benchmarks.descriptor_pairs --faces=ALIGNED --people=LFW/peopleDevTrain.txt --kind=gradients --landmarks=template

ALIGNED is a folder of `--mode=align` with crops of 112×112 pixels and a margin. PCA is fitted to the square roots of the features
of all but the held-out identities, and each component is divided by the square root of its standard deviation, halfway to
whitening. A pair's score is the cosine of its projections. Nothing is scored on a test list.
"""

import argparse
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from rich.console import Console
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score

from lfw_jax.data.decoding.whole import decode_whole
from lfw_jax.data.protocols.lfw_lists import read_people
from lfw_jax.descriptors import DescriptorSettings, describe, root
from lfw_jax.faces.align_set import MANIFEST
from lfw_jax.faces.alignment import similarity, template
from lfw_jax.faces.manifest import read_manifest

_SAME_PER_IDENTITY = 10
_DIFFERENT_PER_SAME = 20


def read_crops(
    folder: Path, people: Mapping[str, int]
) -> tuple[UInt8[np.ndarray, "images side side"], Float[np.ndarray, "images 5 2"], Int[np.ndarray, "images"]]:
    """Return grey crops, their five points in pixels of the crop, and the index of each identity.

    Args:
      folder: the aligned folder. A crop without a detected face gets the points of the template.
      people: the identities to read.
    """
    rows = [row for row in read_manifest(folder / MANIFEST) if row.file and row.file.split("/")[0] in people]
    names = np.unique([row.file.split("/")[0] for row in rows], return_inverse=True)[1]
    crops, points = [], []
    for row in rows:
        crop = decode_whole(folder / row.file)
        crops.append(np.round(crop @ np.array((0.299, 0.587, 0.114))).astype(np.uint8))
        target = template(112) + (len(crop) - 112) / 2
        if row.face is not None:
            to_crop = similarity(row.face.points, target)
            target = row.face.points @ to_crop[:, :2].T + to_crop[:, 2]
        points.append(target)
    return np.stack(crops), np.stack(points), names


def sample_pairs(
    labels: Int[np.ndarray, "images"], rng: np.random.Generator
) -> tuple[Int[np.ndarray, "pairs 2"], Bool[np.ndarray, "pairs"]]:
    """Return pairs of images, and true for those of one identity.

    Args:
      labels: the identity of each image.
      rng: the source of randomness. An identity has at most ten pairs; two identities of a different pair are equally likely.
    """
    members = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    same = []
    for images in members:
        first, second = np.triu_indices(len(images), 1)
        chosen = rng.permutation(len(first))[:_SAME_PER_IDENTITY]
        same.extend(zip(images[first[chosen]], images[second[chosen]], strict=True))
    different = []
    for _ in range(_DIFFERENT_PER_SAME * len(same)):
        one, other = rng.choice(len(members), 2, replace=False)
        different.append((rng.choice(members[one]), rng.choice(members[other])))
    return np.array(same + different), np.arange(len(same) + len(different)) < len(same)


def main() -> None:
    given = _arguments()
    rng = np.random.default_rng(given.seed)
    images, points, labels = read_crops(given.faces, read_people(given.people))
    held_out = np.isin(labels, rng.permutation(labels.max() + 1)[: given.held_out])
    if given.landmarks == "template":
        points = np.broadcast_to(template(112) + (images.shape[1] - 112) / 2, points.shape)
    start = time.monotonic()
    options = DescriptorSettings(kind=given.kind, layout=given.layout, scale=given.scale, radius=given.radius)
    features = describe(images, points, options)
    console = Console(width=100)
    console.print(f"{len(images):,} images, {features.shape[1]:,} numbers each: {time.monotonic() - start:.0f} s")
    pca = PCA(given.components, svd_solver="randomized", iterated_power=2, random_state=given.seed)
    pca.fit(root(features[~held_out]))
    projected = pca.transform(root(features[held_out]))
    projected /= pca.explained_variance_**0.25
    projected /= np.linalg.norm(projected, axis=1, keepdims=True)
    pairs, same = sample_pairs(labels[held_out], rng)
    scores = np.sum(projected[pairs[:, 0]] * projected[pairs[:, 1]], axis=1)
    console.print(
        f"{given.held_out} held-out identities, {same.sum():,} same and {np.sum(~same):,} different pairs: "
        f"AUC {roc_auc_score(same, scores):.4f}"
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=Path, required=True, help="folder of aligned crops with its manifest")
    parser.add_argument("--people", required=True, help="list of the identities to use")
    parser.add_argument("--kind", default="lbp", choices=("lbp", "gradients"))
    parser.add_argument("--layout", default="points", choices=("points", "grid"), help="layout of the patches")
    parser.add_argument("--scale", type=float, default=47.0, help="eye distance in pixels")
    parser.add_argument("--radius", type=int, default=1, help="radius of binary patterns in pixels")
    parser.add_argument("--landmarks", default="face", choices=("face", "template"))
    parser.add_argument("--held_out", type=int, default=300, help="number of held-out identities")
    parser.add_argument("--components", type=int, default=400, help="components of the PCA")
    parser.add_argument("--seed", type=int, default=0, help="seed of the held-out identities, pairs and PCA")
    return parser.parse_args()


if __name__ == "__main__":
    main()
