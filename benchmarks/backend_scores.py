"""Scores of joint Bayesian on held-out identities: the log-likelihood ratio beside the cosine.

    python -m benchmarks.backend_scores --workdir=runs/descriptors_jb

The work directory is that of `configs/descriptors_jb.py` or `configs/fisher_jb.py`. Pairs of identities that were held out of the
fit are scored by each backend and by the sum of all, with the mirrored images: the ratio is the mean over the four combinations
of an image and its mirror image with those of the other; the cosine is that of the sums of both directions, as in a run. The
accuracy is that of the best threshold on the same pairs.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import jax
import numpy as np
from jaxtyping import Bool, Float, Int

from lfw_jax.backends.backend import FittedBackend
from lfw_jax.backends.unit_length import unit_length
from lfw_jax.evaluation.roc import roc_auc
from lfw_jax.evaluation.thresholds import best_accuracy
from lfw_jax.faces.face_descriptors import Features, described_batches
from lfw_jax.inference.descriptor_embedder import DescriptorEmbedder
from lfw_jax.jobs.descriptor_run import read_descriptors
from lfw_jax.jobs.run_config import config_of_run
from lfw_jax.jobs.run_data import read_run_data

Scores = Float[np.ndarray, "pairs"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workdir", type=Path, required=True, help="work directory of fitted descriptors")
    folder = parser.parse_args().workdir
    config = config_of_run(folder)
    data = read_run_data(config, folder, jax.local_devices())
    embedder, _ = read_descriptors(config, data.data.geometry, folder)
    held_out = data.split.validation
    images = data.data.images_of_list(held_out)
    batches = list(described_batches(embedder.descriptors, images, flip=True))
    views = [[np.concatenate(parts) for parts in zip(*of_view, strict=True)] for of_view in zip(*batches, strict=True)]
    rows = list(scores_of_backends(embedder, views, held_out.indices()))
    rows.append(("sum", np.sum([row[1] for row in rows], axis=0), np.sum([row[2] for row in rows], axis=0)))
    print(f"{len(held_out)} pairs of {len(held_out.identities())} held-out identities")
    print("| Backend | Ratio: AUC | accuracy | Cosine: AUC | accuracy |\n| --- | --- | --- | --- | --- |")
    for name, ratios, cosines in rows:
        cells = [
            f"{auc:.4f} | {100 * best:.1f} %" for auc, best in (measured(s, held_out.same) for s in (ratios, cosines))
        ]
        print(f"| {name} | {' | '.join(cells)} |")


def scores_of_backends(
    embedder: DescriptorEmbedder,
    views: list[Features],
    pairs: tuple[Int[np.ndarray, "pairs"], Int[np.ndarray, "pairs"]],
) -> Iterator[tuple[str, Scores, Scores]]:
    """Yield the name of each backend, its ratios and its cosines.

    Args:
      embedder: the descriptors with their backends.
      views: the features of the images, and of the mirrored images, by descriptor.
      pairs: the indices of the images of each pair.
    """
    reduced = [
        [np.asarray(backend.reduced(part)) for backend, part in zip(embedder.backends, view, strict=True)]
        for view in views
    ]
    for index, backend in enumerate(embedder.backends):
        yield f"{index}", *both_scores(backend, [view[index] for view in reduced], pairs)
    if embedder.joint is not None:
        joined = [np.asarray(embedder.joint.reduced(np.concatenate(view, axis=1))) for view in reduced]
        yield "joint", *both_scores(embedder.joint, joined, pairs)


def both_scores(
    backend: FittedBackend,
    views: list[Float[np.ndarray, "images dim"]],
    pairs: tuple[Int[np.ndarray, "pairs"], Int[np.ndarray, "pairs"]],
) -> tuple[Scores, Scores]:
    """Return the mean ratio over all combinations of views, and the cosine of the sums of directions.

    Args:
      backend: joint Bayesian or PLDA.
      views: the reduced vectors of the images by view.
      pairs: the indices of the images of each pair.
    """
    first, second = pairs
    embeddings = [tuple(map(np.asarray, backend.embedding_of_reduced(view))) for view in views]
    ratios = [
        one[1][first] + other[1][second] - np.sum((one[0][first] - other[0][second]) ** 2, axis=1) / 2
        for one in embeddings
        for other in embeddings
    ]
    directions = unit_length(np.sum([unit_length(vectors) for vectors, _ in embeddings], axis=0))
    return np.mean(ratios, axis=0), np.sum(directions[first] * directions[second], axis=1)


def measured(scores: Scores, same: Bool[np.ndarray, "pairs"]) -> tuple[float, float]:
    """Return the area under the ROC curve and the accuracy of the best threshold.

    Args:
      scores: larger is more similar.
      same: true for pairs of one identity.
    """
    return roc_auc(-scores, same), float(np.mean((-scores < best_accuracy(-scores, same)) == same))


if __name__ == "__main__":
    main()
