"""Time and memory of a search in a gallery of 100,000, beside scikit-learn's brute force.

    python -m benchmarks.identification [--gallery=100000] [--probes=10000] [--dim=128] [--best=10] [--peer]

Each measurement runs in a process of its own, whose peak memory includes the embeddings. The peer finds the nearest neighbours
only; the search also returns the rank of each probe's mate and the best entry of another identity.
"""

import json
import os
import platform
import resource
import subprocess
import sys
import time

import numpy as np
from absl import app, flags
from rich.console import Console
from rich.table import Table

_GALLERY = flags.DEFINE_integer("gallery", 100_000, "Number of gallery entries.")
_PROBES = flags.DEFINE_integer("probes", 10_000, "Number of probes; nine in ten have a mate.")
_DIM = flags.DEFINE_integer("dim", 128, "Length of an embedding.")
_BEST = flags.DEFINE_integer("best", 10, "Number of candidates of each probe.")
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the embeddings.")
_PEER = flags.DEFINE_bool("peer", True, "Measure scikit-learn's NearestNeighbors as well.")
_ONE = flags.DEFINE_enum("one", "", ["", "ours", "peer"], "Measure one of them in this process, and print JSON.")


def main(_: list[str]) -> None:
    """Measure and print."""
    if _ONE.value:
        print(json.dumps(measure(_ONE.value)))
        return
    table = Table(
        title=f"{_PROBES.value:,} probes in a gallery of {_GALLERY.value:,}, {_DIM.value}-d, {_BEST.value} candidates",
        title_justify="left",
    )
    for column in ("", "seconds", "CPU seconds", "peak memory", "rank 1"):
        table.add_column(column, justify="right" if column else "left")
    for one, name in (("ours", "search"), *((("peer", "scikit-learn brute force"),) if _PEER.value else ())):
        command = [sys.executable, "-m", "benchmarks.identification", *sys.argv[1:], f"--one={one}"]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
        table.add_row(
            name, f"{found['seconds']:.1f}", f"{found['cpu']:.1f}", f"{found['peak'] / 1e6:,.0f} MB",
            f"{100 * found['rank 1']:.2f} %",
        )  # fmt: skip
    console = Console(width=100)
    console.print(table)
    matrix = 4 * _GALLERY.value * _PROBES.value
    console.print(
        f"{os.cpu_count()} cores, Python {platform.python_version()}, NumPy {np.__version__}, seed {_SEED.value}; the whole "
        f"matrix of similarities would take {matrix / 1e9:,.1f} GB"
    )


def measure(one: str) -> dict[str, float]:
    """Return seconds, processor seconds, peak memory in bytes, and the rate at rank 1."""
    from lfw_jax.evaluation.identification.protocol import Templates
    from lfw_jax.evaluation.identification.search import search

    rng = np.random.default_rng(_SEED.value)
    entries = rng.standard_normal((_GALLERY.value, _DIM.value), np.float32)
    noisy = entries[: _PROBES.value] + np.float32(1.8) * rng.standard_normal((_PROBES.value, _DIM.value), np.float32)
    subjects = np.arange(_GALLERY.value).astype(str)
    wanted = np.where(np.arange(_PROBES.value) % 10 > 0, subjects[: _PROBES.value], "nobody")
    gallery, probes = Templates("gallery", entries, subjects), Templates("probes", noisy, wanted)
    del entries, noisy
    if one == "peer":
        from sklearn.neighbors import NearestNeighbors  # before the measurement, which is of the search alone
    began, cpu = time.perf_counter(), time.process_time()
    if one == "ours":
        nearest = search(probes, gallery, best=_BEST.value).candidates
    else:
        model = NearestNeighbors(n_neighbors=_BEST.value, algorithm="brute", n_jobs=-1).fit(gallery.embeddings)
        nearest = model.kneighbors(probes.embeddings, return_distance=False)
    seconds, used = time.perf_counter() - began, time.process_time() - cpu
    rate = float(np.mean((subjects[nearest[:, 0]] == wanted)[wanted != "nobody"]))
    return {
        "seconds": seconds,
        "cpu": used,
        "peak": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        "rank 1": rate,
    }


if __name__ == "__main__":
    app.run(main)
