"""Time of a training step by operation, from a trace of JAX's profiler.

`jax.profiler.ProfileData` reads the trace, without any further tool; the text of the compiled program describes its
operations.
"""

import collections
import dataclasses
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import jax

from benchmarks.gpu.throughput_hlo import IDLE, RESOURCES, Operation, Program, read_program

LARGEST_FILE = 5_000_000  # bytes of a trace that is kept
_NO_GRAPHS = {"xla_gpu_enable_command_buffer": ""}


@dataclasses.dataclass(frozen=True)
class Event:
    """A piece of work of a device.

    Attributes:
      start: when it began, nanoseconds.
      duration: how long it took, nanoseconds.
      kernel: its own name.
      instruction: the instruction of the program that started it; "" where the trace does not say.
      module: the program; "" where the trace does not say.
      line: the stream or thread that it ran on.
    """

    start: float
    duration: float
    kernel: str
    instruction: str
    module: str
    line: str


def measure_trace(
    compiled: Any,
    lowered: Any,
    run: Callable[[Callable[..., Any] | None, int], float],
    folder: Path,
    *,
    steps: int,
    without_graphs: bool | None = None,
) -> dict[str, Any]:
    """Trace a few steps and summarise where their time goes.

    On a GPU, XLA launches most kernels as CUDA graphs, in which a trace does not name the operation behind a library's
    kernel. So the time between kernels is taken from the step as it trains, and the operations from a second compilation
    without graphs.

    Args:
      compiled: the compiled step, `jax.stages.Compiled`.
      lowered: what it was compiled from.
      run: takes so many steps with a function of the step's arguments (None: as it trains) and waits for the last.
      folder: where the traces are left if they are below 5 MB.
      steps: how many steps are traced.
      without_graphs: whether to make the second trace; None for "on a GPU".
    """
    events = _record(lambda: run(None, steps), folder / "trace.json.gz")
    summary = summarise(events, read_program(compiled.as_text()), steps)
    window = {key: summary[key] for key in ("window_milliseconds_per_step", "idle_share_of_window")}
    if without_graphs is None:
        without_graphs = jax.default_backend() == "gpu"
    note = ""
    if without_graphs:
        try:
            plain = lowered.compile(compiler_options=_NO_GRAPHS)
        except (jax.errors.JaxRuntimeError, ValueError) as error:  # an option that this XLA does not know
            without_graphs, note = False, f"compiling without CUDA graphs: {str(error).splitlines()[0]}"
        else:
            run(plain, 2)
            events = _record(lambda: run(plain, steps), folder / "trace_without_graphs.json.gz")
            summary = summarise(events, read_program(plain.as_text()), steps)
    files = sorted(path.name for path in folder.glob("trace*.json.gz"))
    return summary | {"cuda_graphs": not without_graphs, "as_it_trains": window, "files": files, "note": note}


def _record(run: Callable[[], float], kept: Path) -> list[Event]:
    options = jax.profiler.ProfileOptions()
    options.python_tracer_level = 0
    with tempfile.TemporaryDirectory() as scratch:
        with jax.profiler.trace(scratch, profiler_options=options):
            run()
        (readable,) = Path(scratch).rglob("*.trace.json.gz")
        if readable.stat().st_size < LARGEST_FILE:
            shutil.copyfile(readable, kept)
        (found,) = Path(scratch).rglob("*.xplane.pb")
        return read_events(found)


def read_events(path: Path) -> list[Event]:
    """Return the work of the devices in a trace (`.xplane.pb`).

    These are the kernels of GPUs, or XLA's operations on a CPU.
    """
    with warnings.catch_warnings():
        # The reader's types have no __module__, of which Python 3.13 warns; as an error that would abort the process.
        warnings.simplefilter("ignore", DeprecationWarning)
        planes = list(jax.profiler.ProfileData.from_file(str(path)).planes)
        on_gpu = any(plane.name.startswith("/device:GPU") for plane in planes)
        wanted = "/device:GPU" if on_gpu else "/host:CPU"
        lines = [(plane.name, line) for plane in planes if plane.name.startswith(wanted) for line in plane.lines]
        if on_gpu:  # the others are what the profiler derived, or did itself
            lines = [(plane, line) for plane, line in lines if line.name.startswith("Stream")]
        events = []
        for plane, line in lines:
            for event in line.events:
                stats = dict(event.stats)
                if on_gpu or "hlo_op" in stats:
                    instruction, module = str(stats.get("hlo_op", "")), str(stats.get("hlo_module", ""))
                    where = f"{plane} {line.name}"
                    events.append(Event(event.start_ns, event.duration_ns, event.name, instruction, module, where))
        return events


def summarise(events: Sequence[Event], program: Program, steps: int) -> dict[str, Any]:
    """Return the five most expensive operations and the shares of kinds and parts of the step.

    Operations that run inside others (the body of a loop) count once. The shares of `by_kind`, `by_scope` and
    `by_resource` are of the time of all operations and the time in which no operation runs (idle), so that they sum
    to 1.

    Args:
      events: Work of the device.
      program: The operations of the step.
      steps: Number of steps that the events belong to.

    Raises:
      ValueError: If there are no events.
    """
    if not events:
        raise ValueError("the trace holds no operation of a device")
    spent: collections.Counter[Operation | str] = collections.Counter()
    calls: collections.Counter[Operation | str] = collections.Counter()
    kinds: collections.Counter[str] = collections.Counter()
    scopes: collections.Counter[str] = collections.Counter()
    for event, own in _own_times(events):
        known = event.module in ("", program.module)
        operation = program.find(event.kernel, event.instruction) if known else Program("", {}).find(event.kernel, "")
        key = operation if operation.name else event.kernel
        spent[key] += own
        calls[key] += 1
        kinds[operation.kind] += own
        scopes[operation.scope] += own
    window, busy = _window(events)
    total = sum(spent.values())
    kinds[IDLE] = scopes[IDLE] = window - busy
    resources = {name: sum(kinds[kind] for kind in members) for name, members in RESOURCES.items()}
    unknown = sum(time for key, time in spent.items() if isinstance(key, str))
    return {
        "steps": steps,
        "window_milliseconds_per_step": window / 1e6 / steps,
        "operation_milliseconds_per_step": total / 1e6 / steps,
        "idle_share_of_window": 1 - busy / window,
        "operations": [_row(key, time, calls[key], total, steps) for key, time in spent.most_common(5)],
        "by_kind": _shares(kinds, total + window - busy, steps),
        "by_scope": _shares(scopes, total + window - busy, steps),
        "by_resource": _shares(resources, total + window - busy, steps),
        "share_without_known_instruction": unknown / total,
    }


def _own_times(events: Sequence[Event]) -> Iterable[tuple[Event, float]]:
    """Return each event with its own time, without the events inside it on the same line."""
    lines: dict[str, list[Event]] = collections.defaultdict(list)
    for event in events:
        lines[event.line].append(event)
    for line in lines.values():
        line.sort(key=lambda event: (event.start, -event.duration))
        ends = [event.start + event.duration for event in line]
        own = [event.duration for event in line]
        around: list[int] = []
        for place, event in enumerate(line):
            while around and ends[around[-1]] <= event.start:
                around.pop()
            if around:  # inside it, or begun a little before its end, as kernels of one stream may
                own[around[-1]] -= min(ends[place], ends[around[-1]]) - event.start
            around.append(place)
        yield from zip(line, (max(0.0, time) for time in own), strict=True)


def _window(events: Sequence[Event]) -> tuple[float, float]:
    """Return the nanoseconds from the first start to the last end, and the busy part of them."""
    spans = sorted((event.start, event.start + event.duration) for event in events)
    busy, end = 0.0, spans[0][0]
    for start, stop in spans:
        busy += max(0.0, stop - max(start, end))
        end = max(end, stop)
    return max(end - spans[0][0], 1e-9), busy


def _row(key: Operation | str, time: float, calls: int, total: float, steps: int) -> dict[str, Any]:
    if isinstance(key, str):
        key = Operation(key, Program("", {}).find(key, "").kind)
    return {
        "name": key.name,
        "kind": key.kind,
        "scope": key.scope,
        "source": key.source,
        "calls": calls,
        "milliseconds": time / 1e6,
        "milliseconds_per_step": time / 1e6 / steps,
        "share_of_operation_time": time / total,
    }


def _shares(times: dict[str, float], total: float, steps: int) -> dict[str, dict[str, float]]:
    return {
        name: {"milliseconds_per_step": time / 1e6 / steps, "share": time / total}
        for name, time in sorted(times.items(), key=lambda item: -item[1])
    }
