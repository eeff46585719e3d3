"""Rules of clustering beside each other, on embeddings of identities that a run did not train on.

    python -m benchmarks.clustering --run=runs/mine
    python -m benchmarks.clustering --table=photos.npz --model=runs/mine/model

The first form takes the identities that the run held out for thresholds, the second a file of `--mode=embed`. Rules are chosen on
the former and reported on the latter.
"""

import resource
import time
from pathlib import Path

import numpy as np
from absl import app, flags
from sklearn.cluster import HDBSCAN, AgglomerativeClustering

from lfw_jax.evaluation.clustering import score_clustering
from lfw_jax.inference.face_clusters import cluster_faces
from lfw_jax.inference.model.directory import read_model
from lfw_jax.inference.model.embedding_table import read_table

_RUN = flags.DEFINE_string("run", "", "Work directory of a run with held-out identities.")
_TABLE = flags.DEFINE_string("table", "", "File of embeddings.")
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
    distances = unit_distances(embeddings)

    def show(rule: str, clusters: np.ndarray) -> None:
        found = score_clustering(clusters, identities)
        largest = np.bincount(clusters[clusters >= 0], minlength=1).max()
        values = [value for kind in (found.pairwise, found.bcubed) for value in vars(kind).values()]
        print(f"{rule:34}", *(f"{value:.3f}" for value in values), found.clusters, found.unclustered, largest)

    print(f"{len(embeddings)} faces; pairwise and BCubed precision, recall, F; clusters, unclustered, largest")
    show("HDBSCAN", hdbscan(distances).labels_)
    for rate in map(float, _RATES.value):
        threshold = max((p for p in card.curve if p.target_rate <= rate), key=lambda p: p.target_rate).threshold
        start = time.process_time()
        ours = cluster_faces(embeddings, threshold).clusters
        seconds = time.process_time() - start
        show(f"{rate:g}: HDBSCAN and medoids", ours)
        show(f"{rate:g}: HDBSCAN with epsilon", hdbscan(distances, threshold).labels_)
        show(f"{rate:g}: DBSCAN", hdbscan(distances).dbscan_clustering(threshold, min_cluster_size=2))
        average = AgglomerativeClustering(None, metric="precomputed", linkage="average", distance_threshold=threshold)
        show(f"{rate:g}: average linkage", average.fit(distances).labels_)
        print(f"  {seconds:.1f} s of processor time")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GiB")


if __name__ == "__main__":
    app.run(main)
