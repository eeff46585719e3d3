"""Throughput of a ResNet-50 training step at 112×112, compared with PyTorch on the same device.

    python -m benchmarks.gpu --again=throughput_bfloat16

Two worker processes exist at the same time, each with less than half of the card's memory, and take turns: one of
this project (`throughput_jax`), one of PyTorch (`throughput_torch`). Measured for each batch size, in images per
second:

* `lfw_jax_resident`: the training set is on the device, as with `config.data.resident`.
* `lfw_jax_host_pixels`: the host sends decoded images, as with `config.data.keep_decoded`.
* `lfw_jax_host_jpeg`: the host decodes JPEG files in every step, as training does by default.
* `torch_eager`, `torch_compiled`: PyTorch with its training set on the device.

At the first batch size the two compile one after another, so that neither disturbs the other's search for fast
kernels and compilation times are those of an otherwise idle machine; later they compile at the same time.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.gpu.throughput_flops import SOURCE, resnet_step
from benchmarks.gpu.throughput_plan import TOY_XLA_FLAGS, Plan, plan
from benchmarks.gpu.throughput_workers import Worker, WorkerFailed
from lfw_jax.errors import UserError

_RESIDENT, _PIXELS, _JPEG = "lfw_jax_resident", "lfw_jax_host_pixels", "lfw_jax_host_jpeg"
_EAGER, _COMPILED = "torch_eager", "torch_compiled"
_CANDIDATES = (_RESIDENT, _PIXELS, _JPEG, _EAGER, _COMPILED)
_MEMORY_SHARE = 0.45  # of the card's memory, for each process
_GRACE = 40.0  # seconds that what has begun may take beyond the time there is
_ARRANGEMENT = (
    f"two processes live at the same time and take turns in every round, each with at most {_MEMORY_SHARE:.0%} of the "
    "device's memory; a turn ends when the device is done"
)

Figures = dict[str, Any]


def measure(
    data: Path,
    folder: Path,
    *,
    toy: bool,
    dtype: str = "bfloat16",
    seconds: float = 100.0,
    peer_python: str = sys.executable,
) -> Figures:
    """Measure the training steps of both libraries and the bottlenecks of this project's.

    Args:
      data: An `.npz` file of the `array` source.
      folder: Folder for the trace.
      toy: Use a tiny network, for a CPU.
      dtype: Type of the activations: "bfloat16", or "float32", which is TF32 on a GPU for both.
      seconds: Time after which no further batch size is started.
      peer_python: Python with PyTorch.

    Raises:
      UserError: If the type is unknown or the data cannot be read.
    """
    if dtype not in ("bfloat16", "float32"):
        raise UserError(f"throughput: dtype is '{dtype}'; expected bfloat16 or float32.")
    if not data.is_file():
        raise UserError(f"throughput: found no file at {data}; expected an .npz file of the array source.")
    sizes = plan(toy=toy)
    environment: dict[str, str | None] = {"XLA_PYTHON_CLIENT_MEM_FRACTION": str(_MEMORY_SHARE)}
    if toy:
        environment["XLA_FLAGS"] = TOY_XLA_FLAGS
    else:
        environment["JAX_COMPILATION_CACHE_DIR"] = None  # it would hide how long compiling takes
    with (
        tempfile.TemporaryDirectory() as cache,
        Worker("benchmarks.gpu.throughput_jax", environment=environment) as ours,
        Worker(
            "benchmarks.gpu.throughput_torch", python=peer_python, environment={"TORCHINDUCTOR_CACHE_DIR": cache}
        ) as peer,
    ):
        turns = _Turns(sizes, ours, peer, time.monotonic() + seconds)
        result: Figures = {"dtype": dtype, "arrangement": _ARRANGEMENT} | turns.start(data.resolve(), dtype, toy)
        flops = resnet_step(sizes.side, **sizes.network())
        result["flops_per_image"] = {"counted": flops, "source": SOURCE}
        print(f"{flops / 1e9:.2f} GFLOP per image; peak {_shown(result['peak'].get('teraflops_per_second'))} TFLOP/s")
        result["batches"] = {}
        for place, batch in enumerate(sizes.batches):
            rows = turns.measure(batch, alone=not place)
            result["batches"][str(batch)] = {
                name: row if isinstance(row, str) else _figures(row, batch, flops, result["peak"])
                for name, row in rows.items()
            }
            _print_batch(batch, result["batches"][str(batch)])
            if not place:
                result["trace"] = turns.trace(folder.resolve(), batch)
            turns.release()
    return result


class _Turns:
    """Both workers and the remaining time."""

    def __init__(self, sizes: Plan, ours: Worker, peer: Worker, deadline: float):
        self._sizes, self._ours, self._peer, self._deadline = sizes, ours, peer, deadline
        self._absent = ""  # why there is no peer
        self._preparing = {"ours": 0.0, "peer": 0.0}  # seconds that it took last

    def start(self, data: Path, dtype: str, toy: bool) -> Figures:
        """Start both, and measure the peak of the device with either."""
        self._ours.send("start", data=str(data), dtype=dtype, toy=toy)
        self._peer.send("start", dtype=dtype, toy=toy, memory_share=_MEMORY_SHARE)
        found = self._or_reason(self._ours, None)
        if isinstance(found, str):
            raise UserError(f"throughput: {found}")
        peer = self._or_reason(self._peer, None)
        self._absent = peer if isinstance(peer, str) else ""
        peaks: Figures = {"operands": f"{self._sizes.peak_size}³, {dtype}"}
        for name, worker in (("lfw_jax", self._ours), ("torch", self._peer)):
            rate = self._absent if name == "torch" and self._absent else self._or_reason(worker, "peak", seconds=0.5)
            peaks[f"{name}_teraflops_per_second"] = rate if isinstance(rate, str) else rate["teraflops_per_second"]
        rates = [rate for key, rate in peaks.items() if isinstance(rate, float)]
        peaks["teraflops_per_second"] = max(rates, default=None)
        return {"lfw_jax": found, "torch": peer, "peak": peaks}

    def measure(self, batch: int, *, alone: bool) -> dict[str, Figures | str]:
        """Return the measurements of every candidate for a batch size, or the reasons why there are none."""
        left = self._deadline - time.monotonic()
        if not alone and self._preparing["ours"] > left:
            return dict.fromkeys(_CANDIDATES, "no time left")
        rows: dict[str, Figures | str] = {_EAGER: self._absent or self._prepare(_EAGER, batch)}
        self._round(rows)  # a first turn, in case that the process does not survive compiling
        compiles = not self._absent and (alone or self._preparing["peer"] < left)
        rows[_COMPILED] = self._absent or "no time left to compile it"
        began = time.monotonic()
        if compiles and not alone:
            self._peer.send("prepare", candidate=_COMPILED, batch=batch)
        for name in (_RESIDENT, _PIXELS, _JPEG):
            before = next((row for row in rows.values() if row == "out of memory"), None) if name != _RESIDENT else None
            rows[name] = before or self._prepare(name, batch)
        self._preparing["ours"] = time.monotonic() - began
        if compiles:
            began = time.monotonic() if alone else began
            rows[_COMPILED] = self._prepare(_COMPILED, batch) if alone else self._or_reason(self._peer, None)
            self._preparing["peer"] = time.monotonic() - began
        for row in rows.values():
            if isinstance(row, dict):
                row["compiled_beside_the_other"] = compiles and not alone
        for _ in range(self._sizes.rounds):
            self._round(rows)
        return {name: rows[name] for name in _CANDIDATES}

    def trace(self, folder: Path, batch: int) -> Figures | str:
        """Trace this project's step with data on the device."""
        found = self._or_reason(self._ours, "trace", candidate=_RESIDENT, folder=str(folder))
        if not isinstance(found, str):
            _print_trace(found)
            found["batch"] = batch
        return found

    def release(self) -> None:
        """Let both give up what they hold."""
        for worker in (self._ours, self._peer):
            self._or_reason(worker, "release")

    def _round(self, rows: dict[str, Figures | str]) -> None:
        for name, row in rows.items():
            if isinstance(row, str) or "stopped" in row:
                continue
            turn = self._or_reason(self._worker(name), "round", candidate=name, seconds=self._sizes.round_seconds)
            if isinstance(turn, dict):
                row.setdefault("turns", []).append(turn)
            elif "turns" in row:
                row["stopped"] = turn
            else:
                rows[name] = turn

    def _prepare(self, name: str, batch: int) -> Figures | str:
        return self._or_reason(self._worker(name), "prepare", candidate=name, batch=batch)

    def _worker(self, name: str) -> Worker:
        return self._peer if name in (_EAGER, _COMPILED) else self._ours

    def _or_reason(self, worker: Worker, command: str | None, **arguments: Any) -> Figures | str:
        """Return the result of a command (None: of the one that was sent), or the reason why there is none."""
        timeout = max(_GRACE / 2, self._deadline - time.monotonic() + _GRACE)
        try:
            if command is None:
                return worker.receive(timeout=timeout)
            return worker.ask(command, timeout=timeout, **arguments)
        except WorkerFailed as failure:
            return str(failure)


def _figures(row: Figures, batch: int, flops: int, peak: Figures) -> Figures:
    """Return the rates of a candidate's turns, with the cost of preparing it."""
    turns = row.pop("turns")
    rates = [batch * turn["steps"] / turn["seconds"] for turn in turns]
    median = statistics.median(rates)
    highest = peak["teraflops_per_second"]
    return {
        "images_per_second": {"median": median, "lowest": min(rates), "highest": max(rates)},
        "step_milliseconds": 1e3 * batch / median,
        "share_of_peak": median * flops / 1e12 / highest if highest else None,
        "steps": sum(turn["steps"] for turn in turns),
    } | row


def _shown(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f}" if value < 10 else f"{value:.0f}"


def _print_batch(batch: int, rows: dict[str, Figures | str]) -> None:
    print(f"batch {batch:<15} images/s   lowest–highest      ms/step   of peak   compile s")
    for name, row in rows.items():
        if isinstance(row, str):
            print(f"  {name:<20} {row}")
            continue
        rate = row["images_per_second"]
        compiling = row.get("compile_seconds") or (row.get("first_step_seconds") if name == _COMPILED else None)
        share = "" if row["share_of_peak"] is None else f"{row['share_of_peak']:.1%}"
        span = f"{rate['lowest']:.0f}–{rate['highest']:.0f}"
        print(
            f"  {name:<20}{rate['median']:>9.0f}   {span:<17}{row['step_milliseconds']:>10.2f}{share:>10}"
            f"{'' if compiling is None else f'{compiling:>12.1f}'}",
            flush=True,
        )


def _print_trace(trace: Figures) -> None:
    idle = trace["as_it_trains"]["idle_share_of_window"]
    print(f"trace of {trace['steps']} steps: the device is idle for {idle:.1%} of the time as it trains; of each step:")
    for title, table in (("kind", trace["by_kind"]), ("part", trace["by_scope"]), ("bound by", trace["by_resource"])):
        shares = ", ".join(f"{name} {row['share']:.1%}" for name, row in table.items())
        print(f"  {title}: {shares}")
    for row in trace["operations"]:
        print(
            f"  {row['milliseconds_per_step']:8.3f} ms {row['share_of_operation_time']:6.1%}  {row['name']} "
            f"({row['kind']}; {row['scope']}) {row['source'][-60:]}",
            flush=True,
        )
