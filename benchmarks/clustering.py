"""Rules of clustering beside each other, on embeddings of identities that a run did not train on.

    python -m benchmarks.clustering --run=runs/mine
    python -m benchmarks.clustering --table=photos.npz --model=runs/mine/model
    python -m benchmarks.clustering --run=runs/mine --sampled=10000

The first form takes the identities that the run held out for thresholds, the second a file of `--mode=embed`. Rules are chosen on
the former and reported on the latter. The third measures time and memory on that many directions, sampled from the Gaussian
distribution with the mean and the covariance of the held-out embeddings.
"""

import resource
import time
from pathlib import Path

import numpy as np
from absl import app, flags
from sklearn.cluster import HDBSCAN, AgglomerativeClustering

from lfw_jax.evaluation.clustering import score_clustering
from lfw_jax.inference.face_clusters import cluster_faces
from lfw_jax.inference.model.card import ModelCard
from lfw_jax.inference.model.directory import read_model
from lfw_jax.inference.model.embedding_table import read_table

_RUN = flags.DEFINE_string("run", "", "Work directory of a run with held-out identities.")
_TABLE = flags.DEFINE_string("table", "", "File of embeddings.")
_SAMPLED = flags.DEFINE_integer("sampled", 0, "Cluster so many sampled embeddings instead.")
_MODEL = flags.DEFINE_string("model", "", "Model directory of --table.")
_RATES = flags.DEFINE_list("rates", ["0.01", "0.001", "0.0001"], "False match rates of the thresholds.")


def unit_distances(embeddings: np.ndarray) -> np.ndarray:
    """Return all distances of unit embeddings.

    Args:
      embeddings: `[n, dim]`.
    """
    distances = np.sqrt(np.clip(2 - 2 * embeddings.astype(float) @ embeddings.T.astype(float), 1e-6, None))
    np.fill_diagonal(distances, 0)
    return distances


def hdbscan(distances: np.ndarray, least: float = 0.0) -> HDBSCAN:
    """Return HDBSCAN of distances.

    Args:
      distances: `[n, n]`.
      least: shorter distances count as this one, so that nothing is split below it: `cluster_selection_epsilon`, which raises
        with scikit-learn 1.9 and NumPy 2.4.
    """
    raised = np.maximum(distances, least)
    np.fill_diagonal(raised, 0)
    return HDBSCAN(min_cluster_size=2, min_samples=2, metric="precomputed", copy=True).fit(raised)


def threshold_of(card: ModelCard, rate: float) -> float:
    """Return the threshold of a model for a false match rate.

    Args:
      card: the card of the model.
      rate: the largest accepted rate.
    """
    return max((point for point in card.curve if point.target_rate <= rate), key=lambda one: one.target_rate).threshold


def measure_sampled(embeddings: np.ndarray, threshold: float, count: int) -> None:
    """Print time and memory of clustering sampled embeddings.

    Args:
      embeddings: `[n, dim]`, whose mean and covariance the sampled ones have.
      threshold: the largest distance from a medoid.
      count: number of sampled embeddings.
    """
    found = np.random.default_rng(0).multivariate_normal(embeddings.mean(0), np.cov(embeddings.T), count)
    found = (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)
    clock, processor = time.perf_counter(), time.process_time()
    clusters = cluster_faces(found, threshold).medoids
    clock, processor = time.perf_counter() - clock, time.process_time() - processor
    print(
        f"{count:,} embeddings of length {found.shape[1]}: {len(clusters):,} clusters in {processor:.0f} s of processor"
    )
    print(f"time, {clock:.0f} s on the clock; peak memory {peak_memory():.1f} GiB")


def peak_memory() -> float:
    """Return the largest memory of this process in GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main(_: list[str]) -> None:
    if _RUN.value:
        card = read_model(Path(_RUN.value) / "model").card
        with np.load(Path(_RUN.value) / "embeddings.npz") as file:
            embeddings, identities = file["held_out/embeddings"], file["held_out/identities"]
    else:
        card = read_model(Path(_MODEL.value)).card
        table = read_table(Path(_TABLE.value))[0]
        embeddings, identities = table.embeddings, table.identities
    embeddings = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    if _SAMPLED.value:
        measure_sampled(embeddings, threshold_of(card, float(_RATES.value[0])), _SAMPLED.value)
        return
    distances = unit_distances(embeddings)

    def show(rule: str, clusters: np.ndarray) -> None:
        found = score_clustering(clusters, identities)
        largest = np.bincount(clusters[clusters >= 0], minlength=1).max()
        values = [value for kind in (found.pairwise, found.bcubed) for value in vars(kind).values()]
        print(f"{rule:34}", *(f"{value:.3f}" for value in values), found.clusters, found.unclustered, largest)

    print(f"{len(embeddings)} faces; pairwise and BCubed precision, recall, F; clusters, unclustered, largest")
    show("HDBSCAN", hdbscan(distances).labels_)
    for rate in map(float, _RATES.value):
        threshold = threshold_of(card, rate)
        start = time.process_time()
        ours = cluster_faces(embeddings, threshold).clusters
        seconds = time.process_time() - start
        show(f"{rate:g}: HDBSCAN and medoids", ours)
        show(f"{rate:g}: HDBSCAN with epsilon", hdbscan(distances, threshold).labels_)
        show(f"{rate:g}: DBSCAN", hdbscan(distances).dbscan_clustering(threshold, min_cluster_size=2))
        average = AgglomerativeClustering(None, metric="precomputed", linkage="average", distance_threshold=threshold)
        show(f"{rate:g}: average linkage", average.fit(distances).labels_)
        print(f"  {seconds:.1f} s of processor time")
    print(f"peak memory {peak_memory():.1f} GiB")


if __name__ == "__main__":
    app.run(main)
