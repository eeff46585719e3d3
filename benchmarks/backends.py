"""Time of fitting and scoring with backends, beside bob.learn.em's PLDA where it is installed.

    python -m benchmarks.backends
    python -m benchmarks.backends --dimension=100 --identities=400   # small enough for the peer

The vectors are sampled: identities have as many images as in LFW, most of them one. The peer, which is optional
(`pip install bob-learn-em`), trains PLDA of the same dimension for the same number of iterations.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np

from lfw_jax.backends.fusion import fit_fusion
from lfw_jax.backends.joint_bayesian import fit_joint_bayesian
from lfw_jax.backends.lda import fit_lda
from lfw_jax.backends.pair_score import score_matrix
from lfw_jax.backends.pca import fit_pca
from lfw_jax.backends.plda import fit_plda

ITERATIONS = 30


def sampled_vectors(identities: int, dimension: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return vectors of identities with 1 to 500 images, 2.4 on average, and their labels."""
    rng = np.random.default_rng(seed)
    counts = np.minimum(rng.zipf(2.1, identities), 500)
    labels = np.repeat(np.arange(identities), counts)
    mixing = rng.normal(size=(dimension, dimension)) / dimension**0.5
    means = rng.normal(size=(identities, dimension)) * np.geomspace(2, 0.1, dimension)
    return (means[labels] + rng.normal(size=(len(labels), dimension))) @ mixing, labels


def peer_plda(features: np.ndarray, labels: np.ndarray, dimension: int) -> Callable[[], object] | None:
    """Return the training of the peer's PLDA without a subspace within identities; None if it is not installed."""
    try:
        from bob.learn import em  # pyright: ignore[reportMissingImports]
    except ImportError:
        return None
    by_identity = [features[labels == label] for label in np.unique(labels)]

    def train() -> None:
        machine = em.PLDABase(features.shape[1], dimension, 1)
        em.train(em.PLDATrainer(), machine, by_identity, ITERATIONS)

    return train


def report(name: str, run: Callable[[], object]) -> None:
    """Print wall-clock and processor seconds of one call."""
    wall, processor = time.perf_counter(), time.process_time()
    run()
    print(f"{name:48s} {time.perf_counter() - wall:8.2f} s wall, {time.process_time() - processor:8.2f} s processor")


def main() -> None:
    parser = argparse.ArgumentParser(description="Time of fitting and scoring with backends.")
    parser.add_argument("--identities", type=int, default=4000)
    parser.add_argument("--dimension", type=int, default=400)
    parser.add_argument(
        "--raw", type=int, default=15104, help="length of the vectors that PCA reduces; 0 to leave PCA out"
    )
    arguments = parser.parse_args()
    features, labels = sampled_vectors(arguments.identities, arguments.dimension)
    print(
        f"{len(features):,} vectors of length {arguments.dimension} and {arguments.identities:,} identities, EM for {ITERATIONS} iterations"
    )
    em = dict(iterations=ITERATIONS, tolerance=0.0)
    report("joint Bayesian", lambda: fit_joint_bayesian(features, labels, **em))
    report(
        f"PLDA, {arguments.dimension // 4} dimensions",
        lambda: fit_plda(features, labels, dimension=arguments.dimension // 4, **em),
    )
    report("LDA", lambda: fit_lda(features, labels))
    model = fit_joint_bayesian(features, labels, iterations=1)
    some = features[:2000]
    report(f"scores of {len(some):,} × {len(some):,} pairs", lambda: score_matrix(model, some, some))
    scores = np.random.default_rng(0).normal(size=(6000, 5))
    report(
        "fusion of 5 members on 6,000 pairs",
        lambda: fit_fusion(scores + np.arange(6000)[:, None] % 2, np.arange(6000) % 2 == 1),
    )
    if arguments.raw:
        counts = np.random.default_rng(1).integers(0, 60, (len(features), arguments.raw), np.uint8)
        report(
            f"PCA of {len(counts):,} × {arguments.raw:,} bytes to {arguments.dimension}",
            lambda: fit_pca(counts, arguments.dimension, root=True),
        )
    peer = peer_plda(features, labels, arguments.dimension // 4)
    if peer is None:
        print("bob.learn.em is not installed")
    else:
        report("bob.learn.em, PLDA", peer)


if __name__ == "__main__":
    main()
