"""Time of fitting and scoring with backends, and of scikit-learn's LDA beside the one here.

    python -m benchmarks.backends

The vectors are sampled: identities have about as many images as in LFW, most of them one.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from lfw_jax.backends.fusion import fit_fusion
from lfw_jax.backends.joint_bayesian import fit_joint_bayesian
from lfw_jax.backends.lda import fit_lda
from lfw_jax.backends.pair_score import score_matrix
from lfw_jax.backends.pca import fit_pca
from lfw_jax.backends.plda import fit_plda

ITERATIONS = 30


def sampled_vectors(identities: int, dimension: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return vectors of identities with 1 to 500 images, most of them one, and their labels."""
    rng = np.random.default_rng(seed)
    counts = np.minimum(rng.zipf(2.25, identities), 500)
    labels = np.repeat(np.arange(identities), counts)
    mixing = rng.normal(size=(dimension, dimension)) / dimension**0.5
    means = rng.normal(size=(identities, dimension)) * np.geomspace(2, 0.1, dimension)
    return (means[labels] + rng.normal(size=(len(labels), dimension))) @ mixing, labels


def report(name: str, run: Callable[[], object]) -> None:
    """Print wall-clock and processor seconds of one call."""
    wall, processor = time.perf_counter(), time.process_time()
    run()
    print(f"{name:48s} {time.perf_counter() - wall:8.2f} s wall, {time.process_time() - processor:8.2f} s processor")


def main() -> None:
    """Print one line per measurement."""
    parser = argparse.ArgumentParser(description="Time of fitting and scoring with backends.")
    parser.add_argument("--identities", type=int, default=4000)
    parser.add_argument("--dimension", type=int, default=400)
    parser.add_argument(
        "--raw", type=int, default=15104, help="length of the vectors that PCA reduces; 0 to leave PCA out"
    )
    given = parser.parse_args()
    dimension, quarter = given.dimension, max(1, given.dimension // 4)
    features, labels = sampled_vectors(given.identities, dimension)
    print(
        f"{len(features):,} vectors of length {dimension}, {given.identities:,} identities; {ITERATIONS} iterations of EM"
    )
    report("joint Bayesian", lambda: fit_joint_bayesian(features, labels, iterations=ITERATIONS, tolerance=0.0))
    report(
        f"PLDA, {quarter} dimensions",
        lambda: fit_plda(features, labels, dimension=quarter, iterations=ITERATIONS, tolerance=0.0),
    )
    report("LDA", lambda: fit_lda(features, labels))
    report("LDA of scikit-learn", lambda: LinearDiscriminantAnalysis(solver="svd").fit(features, labels))
    model, some = fit_joint_bayesian(features, labels, iterations=1), features[:2000]
    report(f"scores of {len(some):,} × {len(some):,} pairs", lambda: score_matrix(model, some, some))
    same = np.arange(6000) % 2 == 1
    scores = np.random.default_rng(0).normal(size=(6000, 5)) + same[:, None]
    report("fusion of 5 members on 6,000 pairs", lambda: fit_fusion(scores, same))
    if given.raw:
        counts = np.random.default_rng(1).integers(0, 60, (len(features), given.raw), np.uint8)
        name = f"PCA of {len(counts):,} × {given.raw:,} bytes to {dimension}"
        report(name, lambda: fit_pca(counts, dimension, root=True))


if __name__ == "__main__":
    main()
