"""Cases and measurement of the mining benchmark. Imports neither JAX nor PyTorch."""

import enum
import json
import resource
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

DIM, PER_CLASS = 128, 4


class Case(enum.Enum):
    """Combination of a miner and a loss."""

    CONTRASTIVE_SEMIHARD = "contrastive + semihard"
    TRIPLET_SEMIHARD = "triplet + semihard"
    MARGIN_DISTANCE_WEIGHTED = "margin + distance-weighted"
    MARGIN_HISTOGRAM = "margin + histogram"


def resident_mebibytes() -> float:
    """Return the peak memory of this process so far, in MiB."""
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return held / (2**20 if sys.platform == "darwin" else 2**10)


def call_times(call: Callable[[], object], seconds: float) -> list[float]:
    """Return the milliseconds of each call within a given number of seconds: 3 to 200 calls."""
    times: list[float] = []
    ends = time.perf_counter() + seconds
    while len(times) < 3 or (time.perf_counter() < ends and len(times) < 200):
        began = time.perf_counter()
        call()
        times.append(1e3 * (time.perf_counter() - began))
    return times


def measure_and_print(call: Callable[[], float], seconds: float, device_peak: Callable[[], float | None]) -> None:
    """Measure a call, after two calls that are not counted, and print one line of JSON.

    `peak` is the memory that the calls added to that of the process (on a GPU: of the device's allocator), in MiB.
    """
    before = resident_mebibytes()
    value = call()
    call()
    times = call_times(call, seconds)
    on_device = device_peak()
    print(json.dumps({
        "milliseconds": statistics.median(times),
        "fastest": min(times),
        "slowest": max(times),
        "peak": resident_mebibytes() - before if on_device is None else on_device,
        "value": value,
    }))  # fmt: skip


class Measured:
    """Commands of a process that measures one batch size after another.

    `benchmarks.gpu.throughput_workers` runs the process.

    Args:
      start: Function that starts the library and describes its device.
      prepare: Function that returns the forward and backward call of a case and size; the call returns the loss.
      device_peak: Function that returns the peak memory of the device's allocator, in MiB; None on a CPU.
    """

    def __init__(
        self,
        start: Callable[[], dict[str, Any]],
        prepare: Callable[[Case, int], Callable[[], float]],
        device_peak: Callable[[], float | None],
    ):
        self.start, self._prepare, self._device_peak = start, prepare, device_peak

    def prepare(self, case: str, size: int) -> dict[str, Any]:
        """Call twice, which includes compilation."""
        self._before = resident_mebibytes()
        self._call = self._prepare(Case(case), size)
        began = time.perf_counter()
        value = self._call()
        first = time.perf_counter() - began
        self._call()
        return {"first_call_seconds": first, "loss": value}

    def round(self, seconds: float) -> dict[str, Any]:
        """Measure one turn."""
        return {"milliseconds": call_times(self._call, seconds)}

    def finish(self) -> dict[str, Any]:
        """Return the memory used, and release it."""
        peak = self._device_peak()
        del self._call
        return {"peak_mebibytes": resident_mebibytes() - self._before if peak is None else peak}
