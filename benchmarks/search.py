"""Search in a gallery: exact and with the index, at 100,000 and a million synthetic faces.

    python -m benchmarks.search [--faces=100000,1000000] [--dim=128] [--batch=256] [--expansion=512]

Each measurement runs in a process of its own, whose peak memory includes the embeddings.

The embeddings are clustered as those of identities. The directions of identities are Gaussian with eigenvalues that fall as
1 / (1 + k / 3), so that the cosines of two identities vary as in 40 dimensions.
Faces scatter around their identity with the same eigenvalues; two of one identity have a distance of 1.0 in the median, as if the
network was not trained on it. An identity has 1 + Pareto(1.5) faces, at most 500: most have one or two, as in LFW. Queries are
further faces of random identities of the gallery. In uniform embeddings, the nearest face would be hardly nearer than all others,
and no index could find it.
"""

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
from absl import app, flags
from jaxtyping import Float32
from rich.console import Console
from rich.table import Table

_FACES = flags.DEFINE_list("faces", ["100000", "1000000"], "Sizes of the gallery.")
_DIM = flags.DEFINE_integer("dim", 128, "Length of an embedding.")
_BATCH = flags.DEFINE_integer("batch", 256, "Queries of a batch, which also measure the recall.")
_TOP = flags.DEFINE_integer("top", 10, "Number of hits.")
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the embeddings.")
_EXPANSION = flags.DEFINE_integer("expansion", 0, "Candidates in a search of the index; 0 for those of the project.")
_ONE = flags.DEFINE_enum("one", "", ["", "exact", "index"], "Measure one of them in this process, and print JSON.")

Result = TypeVar("Result")

_SINGLE = 20  # queries that are searched one by one
_SCATTER = 1.0  # of faces around their identity, relative to the spread of identities


def main(_: list[str]) -> None:
    """Measure and print."""
    if _ONE.value:
        print(json.dumps(measure(_ONE.value, int(_FACES.value[0]))))
        return
    table = Table(
        title=f"Nearest {_TOP.value} of {_DIM.value}-d embeddings, batch of {_BATCH.value}", title_justify="left"
    )
    columns = (
        "build: s",
        "CPU s",
        "file",
        "read: s",
        "one: ms",
        "batch: ms each",
        "peak",
        "recall@1",
        f"@{_TOP.value}",
    )
    for column in ("faces", "search", *columns):
        table.add_column(column, justify="left" if column == "search" else "right")
    for faces in map(int, _FACES.value):
        for one in ("exact", "index"):
            command = [sys.executable, "-m", "benchmarks.search", *sys.argv[1:], f"--one={one}", f"--faces={faces}"]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            found = json.loads(done.stdout.splitlines()[-1])
            print(faces, found, file=sys.stderr, flush=True)
            cells = [f"{found[key]:,.1f}" if key in found else "" for key in ("build", "build_cpu")]
            cells += [f"{found['file'] / 1e6:,.0f} MB" if "file" in found else ""]
            cells += [f"{found['read']:,.1f}" if "read" in found else ""]
            cells += [f"{found['one_ms']:.1f}", f"{found['batch_ms']:.2f}", f"{found['peak'] / 1e6:,.0f} MB"]
            cells += [f"{found[key]:.4f}" if key in found else "" for key in ("recall_1", "recall_top")]
            table.add_row(f"{faces:,}", one, *cells)
    console = Console(width=120)
    console.print(table)
    console.print(
        f"{os.cpu_count()} cores, Python {platform.python_version()}, NumPy {np.__version__}, seed {_SEED.value}"
    )


def measure(one: str, faces: int) -> dict[str, float]:
    """Return seconds of building and reading, milliseconds of queries, peak memory in bytes, and recall."""
    from lfw_jax.inference.model import gallery_index
    from lfw_jax.inference.model.gallery import Gallery
    from lfw_jax.inference.model.gallery_index import GalleryIndex

    gallery_index.EXPANSION_SEARCH = _EXPANSION.value or gallery_index.EXPANSION_SEARCH
    embeddings, queries = clustered(faces, _BATCH.value, _DIM.value, _SEED.value)
    gallery = Gallery(_table(embeddings), "0" * 64)
    del embeddings
    found: dict[str, float] = {}
    exact = None
    if one == "index":
        exact = gallery.search(queries, _TOP.value)
        vectors = gallery.table.embeddings
        cpu = time.process_time()
        gallery.index, found["build"] = timed(lambda: GalleryIndex.build(vectors))
        found["build_cpu"] = time.process_time() - cpu
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "faces.npz.usearch"
            gallery.index.write(path, gallery.sha256, vectors)
            found["file"] = path.stat().st_size
            gallery.index, found["read"] = timed(lambda: GalleryIndex.read(path, gallery.sha256, vectors))
    gallery.search(queries[:1], _TOP.value)
    singles = [timed(lambda query=query: gallery.search(query[None], _TOP.value))[1] for query in queries[:_SINGLE]]
    hits, seconds = timed(lambda: gallery.search(queries, _TOP.value))
    found |= {"one_ms": 1000 * statistics.median(singles), "batch_ms": 1000 * seconds / len(queries)}
    if exact is not None:
        for name, top in (("recall_1", 1), ("recall_top", _TOP.value)):
            limit = exact.distances[:, top - 1 : top] + 1e-9
            found[name] = float(np.mean(hits.distances[:, :top] <= limit))
    return found | {"peak": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}


def timed(work: Callable[[], Result]) -> tuple[Result, float]:
    """Return a result and the seconds that it took."""
    began = time.perf_counter()
    return work(), time.perf_counter() - began


def clustered(
    faces: int, queries: int, dim: int, seed: int
) -> tuple[Float32[np.ndarray, "faces dim"], Float32[np.ndarray, "queries dim"]]:
    """Return embeddings of faces, and of further faces of random ones of their identities.

    Args:
      faces: number of faces.
      queries: number of further faces.
      dim: length of an embedding.
      seed: seed of all random numbers.
    """
    rng = np.random.default_rng(seed)
    sizes = 1 + np.minimum(rng.pareto(1.5, faces), 499).astype(np.int64)
    labels = np.repeat(np.arange(faces), sizes)[:faces]
    scales = np.sqrt(1 / (1 + np.arange(dim) / 3)).astype(np.float32)
    scales /= np.linalg.norm(scales)
    centres = scales * rng.standard_normal((int(labels[-1]) + 1, dim), np.float32)
    labels = np.concatenate([labels, rng.integers(0, len(centres), queries)])
    found = np.empty((len(labels), dim), np.float32)
    for start in range(0, len(labels), 100_000):
        part = labels[start : start + 100_000]
        noisy = centres[part] + _SCATTER * scales * rng.standard_normal((len(part), dim), np.float32)
        found[start : start + 100_000] = noisy / np.linalg.norm(noisy, axis=1, keepdims=True)
    order = rng.permutation(faces)
    return found[:faces][order], found[faces:]


def _table(embeddings: Float32[np.ndarray, "faces dim"]):
    from lfw_jax.inference.model.embedding_table import EmbeddingTable

    count = len(embeddings)
    texts = np.full(count, "", np.str_)
    zeros = np.zeros(count, np.int64)
    return EmbeddingTable(embeddings, texts, zeros, texts, np.zeros((count, 4), np.float32), zeros + np.nan, zeros)


if __name__ == "__main__":
    app.run(main)
