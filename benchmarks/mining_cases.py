"""What the mining benchmark measures, and how one process measures it. Imports neither JAX nor PyTorch."""

import enum
import json
import resource
import statistics
import sys
import time
from collections.abc import Callable

DIM, PER_CLASS = 128, 4


class Case(enum.Enum):
    """A miner with a loss."""

    CONTRASTIVE_SEMIHARD = "contrastive + semihard"
    TRIPLET_SEMIHARD = "triplet + semihard"
    MARGIN_DISTANCE_WEIGHTED = "margin + distance-weighted"
    MARGIN_HISTOGRAM = "margin + histogram"


def resident_mebibytes() -> float:
    """The most memory that this process has held so far."""
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return held / (2**20 if sys.platform == "darwin" else 2**10)


def measure_and_print(call: Callable[[], float], seconds: float, device_peak: Callable[[], float | None]) -> None:
    """Two calls that are not counted, then calls for so long, at least three; one line of JSON.

    `peak` is the memory that the calls added to what the process held before (on a GPU: what the device's allocator held),
    in MiB.
    """
    before = resident_mebibytes()
    value = call()
    call()
    times: list[float] = []
    ends = time.perf_counter() + seconds
    while len(times) < 3 or (time.perf_counter() < ends and len(times) < 200):
        began = time.perf_counter()
        call()
        times.append(1e3 * (time.perf_counter() - began))
    on_device = device_peak()
    print(json.dumps({
        "milliseconds": statistics.median(times),
        "fastest": min(times),
        "slowest": max(times),
        "peak": resident_mebibytes() - before if on_device is None else on_device,
        "value": value,
    }))  # fmt: skip
