"""Time and memory of the error rates of all pairs of many images.

    python -m benchmarks.cross_pairs
    python -m benchmarks.cross_pairs --count=14300 --embedding_dim=512

The embeddings are random: one direction per identity, with noise. 14,200 images form 10⁸ pairs. Thresholds and counts of a
smaller set are compared with those of all its distances, sorted.
"""

import os
import platform
import resource
import time

import numpy as np
from absl import app, flags
from rich.console import Console
from rich.table import Table

from lfw_jax.evaluation.cross_pairs import all_pairs
from lfw_jax.evaluation.embeddings import EmbeddedImages
from lfw_jax.evaluation.error_rates import error_rates
from lfw_jax.evaluation.rate_results import AllPairsResult
from lfw_jax.evaluation.verification import pair_distances

_COUNT = flags.DEFINE_integer("count", 14_200, "Number of images.")
_DIM = flags.DEFINE_integer("embedding_dim", 128, "Length of an embedding.")
_PER_IDENTITY = flags.DEFINE_integer("images_per_identity", 4, "Images of each identity.")
_NOISE = flags.DEFINE_float("noise", 1.4, "Noise of an embedding, in standard deviations of an identity's direction.")

_COMPARED = 2000


def embedded(images: int, *, per_identity: int, dim: int, noise: float, seed: int = 0) -> EmbeddedImages:
    """Return random embeddings, with a direction per identity.

    Args:
      images: number of images.
      per_identity: images of each identity.
      dim: length of an embedding.
      noise: standard deviation of an image around its identity, whose entries have standard deviation 1.
      seed: seed of the embeddings.
    """
    rng = np.random.default_rng(seed)
    labels = np.arange(images) // per_identity
    centres = rng.normal(size=(labels[-1] + 1, dim)).astype(np.float32)
    embeddings = centres[labels] + noise * rng.normal(size=(images, dim)).astype(np.float32)
    return EmbeddedImages("random", embeddings, labels.astype(str), np.arange(images))


def equals_sorted(images: EmbeddedImages) -> bool:
    """Return true if the points of all pairs equal those of all distances in one array.

    Args:
      images: few images.
    """
    first, second = np.triu_indices(len(images), 1)
    distances = pair_distances(images.embeddings, first, second)
    same = images.identities[first] == images.identities[second]
    return all_pairs(images).rates.points == error_rates(distances, same).points


def main(_: list[str]) -> None:
    options = dict(per_identity=_PER_IDENTITY.value, dim=_DIM.value, noise=_NOISE.value)
    images = embedded(_COUNT.value, **options)
    before = _peak()
    start, used = time.monotonic(), time.process_time()
    found = all_pairs(images, {"1.0": 1.0})
    seconds, processor = time.monotonic() - start, time.process_time() - used
    grown = _peak() - before
    console = Console(width=100)
    console.print(_table(found))
    pairs = found.rates.same_pairs + found.rates.different_pairs
    console.print(
        f"{pairs:,} pairs, {_DIM.value}-d: {seconds:.1f} s ({pairs / seconds / 1e6:.0f} million pairs/s), {processor:.1f} s of "
        f"processor time, peak memory {grown:.0f} MiB above the embeddings; all distances would take {8 * pairs / 2**20:,.0f} MiB"
    )
    agree = equals_sorted(embedded(_COMPARED, **options))
    console.print(f"on {_COMPARED:,} images {'equal to' if agree else 'DIFFERENT FROM'} all distances sorted")
    console.print(f"{os.cpu_count()} cores, {platform.processor() or platform.machine()}, NumPy {np.__version__}")


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _table(found: AllPairsResult) -> Table:
    title = f"All pairs of {found.images:,} images of {found.identities:,} identities"
    table = Table(title=title, title_justify="left")
    for name in ("FMR at most", "threshold", "false matches", "FNMR", "exact"):
        table.add_column(name, justify="right")
    for point in found.rates.points:
        if point.threshold is None or point.rate is None or point.false_non_match_rate is None:
            continue
        table.add_row(
            f"{point.rate:g}",
            f"{point.threshold:.6f}",
            f"{point.false_matches:,}",
            f"{point.false_non_match_rate:.4f}",
            "yes" if point.exact else "no",
        )
    return table


if __name__ == "__main__":
    app.run(main)
