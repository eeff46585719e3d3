"""Time and memory of mining on a GPU, forward and backward, next to pytorch-metric-learning.

    python -m benchmarks.gpu --again=mining

The table of `python -m benchmarks.mining`, without starting a process for every measurement. For each combination of
miner and loss, each library has one process that measures the batch sizes in increasing order, so that its peak
memory is that of the current size. All processes are started together; then the two libraries take turns.
"""

import contextlib
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.gpu.throughput_plan import TOY_XLA_FLAGS
from benchmarks.gpu.throughput_workers import Worker, WorkerFailed
from benchmarks.mining_cases import DIM, PER_CLASS, Case
from lfw_jax.errors import UserError

_SIZES, _TOY_SIZES = (256, 512, 1024, 2048, 4096, 8192, 16384), (128, 256)
_ROUNDS = 2
_TURN = 0.25  # seconds
_SIZE_LIMIT = 30.0  # seconds that a library may take for a size, compilation included
_START_LIMIT = 120.0
_OURS, _PEER = "lfw_jax", "pytorch_metric_learning"
_ARRANGEMENT = (
    "for each case one process a library, all alive at the same time; batch sizes ascend and the libraries take turns. JAX "
    "does not preallocate. Peaks: of JAX's allocator since the process began, of PyTorch's since the size began; on a CPU, "
    "what a size added to the most that the process had held"
)

Figures = dict[str, Any]


def measure(
    data: Path,
    folder: Path,
    *,
    toy: bool,
    case: str = "",
    seconds: float = 100.0,
    peer_python: str = sys.executable,
) -> Figures:
    """Measure every combination of miner and loss at every batch size.

    Args:
      data: not used: embeddings are random.
      folder: not used.
      toy: two small sizes, and one process a library for all cases.
      case: name of a `Case`, such as "triplet_semihard"; "" for all.
      seconds: time after which no further size is begun; each case may use an equal share of what is left.
      peer_python: Python with pytorch-metric-learning.

    Raises:
      UserError: an unknown case.
    """
    del data, folder
    names = [member.name.lower() for member in Case]
    if case and case not in names:
        raise UserError(f"mining: case is '{case}'; expected one of {', '.join(names)}, or none for all.")
    cases = [Case[case.upper()]] if case else list(Case)
    sizes = _TOY_SIZES if toy else _SIZES
    deadline = time.monotonic() + seconds
    result: Figures = {"embedding_dim": DIM, "images_per_class": PER_CLASS, "arrangement": _ARRANGEMENT, "cases": {}}
    with contextlib.ExitStack() as stack:
        pairs = [_start(stack, peer_python, toy) for _ in (cases[:1] if toy else cases)]
        for library in (_OURS, _PEER):
            answers = [_attempt(pair[library].receive, timeout=_START_LIMIT) for pair in pairs]
            result[library] = answers[0]
        for place, member in enumerate(cases):
            workers = pairs[0 if toy else place]
            share = (deadline - time.monotonic()) / (len(cases) - place)
            result["cases"][member.value] = _case(
                member, sizes, workers, time.monotonic() + share, peer=result[_PEER], shared=toy
            )
    return result


def _start(stack: contextlib.ExitStack, peer_python: str, toy: bool) -> dict[str, Worker]:
    environment: dict[str, str | None] = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    if toy:
        environment["XLA_FLAGS"] = TOY_XLA_FLAGS
    workers = {
        _OURS: Worker("benchmarks.mining_ours", environment=environment),
        _PEER: Worker("benchmarks.mining_peer", python=peer_python),
    }
    for worker in workers.values():
        stack.enter_context(worker)
        worker.send("start")
    return workers


def _case(
    case: Case,
    sizes: tuple[int, ...],
    workers: dict[str, Worker],
    deadline: float,
    *,
    peer: Figures | str,
    shared: bool,
) -> dict[str, Figures]:
    """The rows of one case: figures of both libraries by batch size, or why there are none.

    Workers that are not `shared` with other cases are dismissed when they are done or fail: others need their memory.
    """
    print(f"{case.value}, {DIM}-d, {PER_CLASS} a class")
    print(f"  {'batch':>6}{'lfw_jax ms':>12}{'MiB':>8}{'PML ms':>12}{'MiB':>8}  times faster")
    given_up = {_PEER: peer} if isinstance(peer, str) else {}
    rows = {}
    for size in sizes:
        if time.monotonic() > deadline:
            given_up = {library: given_up.get(library, "no time left") for library in workers}
        limit = max(5.0, min(_SIZE_LIMIT, deadline + 10 - time.monotonic()))
        row = _size(case, size, {name: worker for name, worker in workers.items() if name not in given_up}, limit)
        for library, figures in row.items():
            if isinstance(figures, str):
                given_up[library] = f"not tried: {figures} at {size}"
                if not shared:
                    workers[library].dismiss()
        rows[str(size)] = row = given_up | row
        if all(isinstance(row[library], dict) for library in workers):
            medians = [row[library]["milliseconds"]["median"] for library in (_OURS, _PEER)]
            row["times_faster"] = medians[1] / medians[0]
        _print_row(size, row)
    if not shared:
        for worker in workers.values():
            worker.dismiss()
    return rows


def _size(case: Case, size: int, workers: dict[str, Worker], limit: float) -> Figures:
    """Figures of every library that takes part at one batch size, for which each may take `limit` seconds."""
    rows: Figures = {}
    left = dict.fromkeys(workers, limit)

    def ask(library: str, command: str, **arguments: Any) -> None:
        if isinstance(rows.get(library), str):
            return
        began = time.monotonic()
        answer = _attempt(workers[library].ask, command, timeout=max(0.1, left[library]), **arguments)
        left[library] -= time.monotonic() - began
        if isinstance(answer, str):
            rows[library] = f"over {limit:.0f} s" if answer.startswith("over ") else answer
        else:
            row = rows.setdefault(library, {})
            row["turns"] = row.get("turns", []) + answer.pop("milliseconds", [])
            row |= answer

    for library in workers:
        ask(library, "prepare", case=case.value, size=size)
    for _ in range(_ROUNDS):
        for library in workers:
            ask(library, "round", seconds=_TURN)
    for library in workers:
        ask(library, "finish")
    return {library: row if isinstance(row, str) else _figures(row) for library, row in rows.items()}


def _figures(row: Figures) -> Figures:
    times = row.pop("turns")
    spread = {"median": statistics.median(times), "lowest": min(times), "highest": max(times)}
    return {"milliseconds": spread, "calls": len(times)} | row


def _attempt(call: Any, *arguments: Any, **options: Any) -> Figures | str:
    try:
        return call(*arguments, **options)
    except WorkerFailed as failure:
        return str(failure)


def _print_row(size: int, row: Figures) -> None:
    cells = []
    for library in (_OURS, _PEER):
        figures = row[library]
        if isinstance(figures, str):
            cells.append(f"  {figures:<18}")
        else:
            cells.append(f"{figures['milliseconds']['median']:>12.2f}{figures['peak_mebibytes']:>8.0f}")
    faster = f"{row['times_faster']:>14.1f}" if "times_faster" in row else ""
    print(f"  {size:>6}{''.join(cells)}{faster}", flush=True)
