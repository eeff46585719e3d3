"""Time and memory of mining, forward and backward, compared with pytorch-metric-learning.

    python -m benchmarks.mining [--sizes=128,256,…,8192] [--peer_python=.peer/bin/python] [--rounds=3]

Embeddings have 128 dimensions, with 4 images per identity. Each measurement runs in a process of its own, so that its
peak memory is its own; the two libraries take turns in every round, and medians over rounds are printed. The peer
runs in `--peer_python` (see tests/metric/golden/archive.py for its packages; by default this Python, if it has them)
with at most `--peer_memory` GiB of address space and `--limit` seconds. Sizes from the first one that exceeds a limit
are omitted.
"""

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from absl import app, flags
from rich.console import Console
from rich.table import Table

from benchmarks.mining_cases import DIM, PER_CLASS, Case

_SIZES = flags.DEFINE_list("sizes", ["128", "256", "512", "1024", "2048", "4096", "8192"], "Batch sizes.")
_CASES = flags.DEFINE_list("cases", [case.name.lower() for case in Case], "The combinations to measure.")
_ROUNDS = flags.DEFINE_integer("rounds", 3, "Number of rounds, each with a measurement of both libraries.")
_SECONDS = flags.DEFINE_float("seconds", 1.5, "Duration of a measurement, of at least three calls.")
_LIMIT = flags.DEFINE_float("limit", 120.0, "Seconds after which a process is stopped.")
_PEER = flags.DEFINE_string("peer_python", sys.executable, "Python with torch and pytorch-metric-learning.")
_PEER_MEMORY = flags.DEFINE_float("peer_memory", 12.0, "GiB of address space that the peer may use on a CPU.")
_OUTPUT = flags.DEFINE_string("output", "", "JSON file for the measurements; empty for none.")

Figures = dict[str, Any]


def _process(python: str, module: str, case: Case, size: int, memory: float) -> Figures | str:
    """Return the measurements of one process, or the reason why there are none."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (int(memory * 2**30),) * 2)

    before: Callable[[], None] | None = limit if memory else None
    command = [python, "-m", module, case.value, str(size), str(_SECONDS.value)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT.value, preexec_fn=before)
    except subprocess.TimeoutExpired:
        return f"over {_LIMIT.value:g} s"
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["killed"])[-1]
        return "out of memory" if "memory" in done.stderr or done.returncode < 0 else last[:60]
    return json.loads(done.stdout.splitlines()[-1])


def _measure(case: Case, size: int, peer: bool) -> tuple[Figures | str, Figures | str]:
    """Return the medians over the rounds of both libraries."""
    rounds: tuple[list[Figures], list[Figures]] = [], []
    kinds = [
        (sys.executable, "benchmarks.mining_ours", 0.0),
        (_PEER.value, "benchmarks.mining_peer", _PEER_MEMORY.value),
    ]
    for _ in range(_ROUNDS.value):
        for found, (python, module, memory) in zip(rounds, kinds[: 2 if peer else 1], strict=False):
            figures = _process(python, module, case, size, memory)
            if isinstance(figures, str):
                return (figures, "—") if found is rounds[0] else (_median(rounds[0]), figures)
            found.append(figures)
    return _median(rounds[0]), _median(rounds[1]) if peer else "—"


def _median(rounds: list[Figures]) -> Figures:
    return {key: statistics.median(figures[key] for figures in rounds) for key in rounds[0]}


def _shown(figures: Figures | str) -> list[str]:
    if isinstance(figures, str):
        return [figures, ""]
    return [f"{figures['milliseconds']:.1f}", f"{figures['peak']:.0f}"]


def main(_: list[str]) -> None:
    """Measure and print."""
    check = subprocess.run([_PEER.value, "-c", "import torch, pytorch_metric_learning"], capture_output=True)
    console, everything = Console(width=100), []
    if check.returncode:
        console.print(f"{_PEER.value} has no pytorch-metric-learning: only lfw_jax is measured.")
    for case in (Case[name.upper()] for name in _CASES.value):
        table = Table(title=f"{case.value}, {DIM}-d, {PER_CLASS} per class", title_justify="left")
        columns = ("batch", "lfw_jax ms", "MiB", "PML ms", "MiB", "times faster", "× size before")
        for column in columns:
            table.add_column(column, justify="right")
        peer, last = not check.returncode, None
        for size in map(int, _SIZES.value):
            ours, theirs = _measure(case, size, peer)
            everything.append({"case": case.value, "batch": size, "lfw_jax": ours, "pml": theirs})
            peer = peer and not isinstance(theirs, str)
            faster = growth = ""
            if not isinstance(ours, str):
                growth = f"{ours['milliseconds'] / last:.1f}" if last else ""
                last = ours["milliseconds"]
                if not isinstance(theirs, str):
                    faster = f"{theirs['milliseconds'] / last:.1f}"
            table.add_row(str(size), *_shown(ours), *_shown(theirs), faster, growth)
        console.print(table)
    console.print(f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}; MiB: peak added.")
    if _OUTPUT.value:
        with open(_OUTPUT.value, "w", encoding="utf-8") as file:
            json.dump(everything, file, indent=1)


if __name__ == "__main__":
    app.run(main)
