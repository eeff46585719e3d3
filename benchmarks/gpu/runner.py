"""Execution of the items within a time limit. Imports only the standard library."""

import dataclasses
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from benchmarks.gpu.items import Item
from benchmarks.gpu.results import KitError, measured, read_result

MEASURED, KEPT, NO_TIME, STOPPED, FAILED = "measured", "kept", "no time left", "stopped", "failed"
ROOT = Path(__file__).parents[2]
PROGRAM = (sys.executable, "-m", "benchmarks.gpu.item")
_RESERVE = 5.0  # seconds for the last table
_GRACE = 10.0  # seconds between SIGTERM and SIGKILL


@dataclasses.dataclass(frozen=True)
class Outcome:
    """Outcome of an item.

    Attributes:
      item: The item.
      state: MEASURED in this call, KEPT from an earlier one, NO_TIME, STOPPED at its limit, or FAILED.
      seconds: Duration of this measurement or of the stored one.
      note: Reason for a missing result.
    """

    item: Item
    state: str
    seconds: float = 0.0
    note: str = ""


def outstanding(items: Sequence[Item], folders: list[Path], again: Collection[str]) -> list[Item]:
    """Return the items without a real result in any of the folders, and those to be repeated."""
    return [item for item in items if item.name in again or measured(folders, item.name) is None]


def estimate(item: Item, folders: list[Path]) -> float:
    """Return the expected duration of an item in seconds: the last measured one, else the listed one."""
    result = measured(folders, item.name)
    return result["seconds"] if result else item.seconds


def run_items(
    items: Sequence[Item],
    *,
    data: Path,
    out: Path,
    deadline: float,
    committed: Path | None,
    again: Collection[str] = (),
    toy: bool = False,
    say: Callable[[str], None] = print,
    program: Sequence[str] = PROGRAM,
) -> list[Outcome]:
    """Measure the outstanding items in order, as far as the time allows.

    An item starts if its estimated duration still fits. Each result is written as soon as it is available.

    Args:
      items: The items, in order.
      data: The data file.
      out: Folder of results and logs.
      deadline: End of the available time, by `time.monotonic`.
      committed: Folder of results that the project keeps; None for none.
      again: Names of items that are measured again although there is a result.
      toy: Run every item at toy size, whatever results exist.
      say: Function that receives lines for the user.
      program: Command that measures one item.

    Raises:
      KitError: If a result is damaged or a folder cannot be written.
    """
    folders = [folder for folder in (out, committed) if folder is not None]
    todo = list(items) if toy else outstanding(items, folders, again)
    outcomes = []
    for place, item in enumerate(items, 1):
        if item not in todo:
            result = measured(folders, item.name)
            outcomes.append(Outcome(item, KEPT, result["seconds"] if result else 0.0))
            continue
        left = deadline - time.monotonic() - _RESERVE
        expected = 0.0 if toy else estimate(item, folders)
        if left <= 0 or expected > left:
            outcomes.append(
                Outcome(item, NO_TIME, note=f"needs about {expected:.0f} s, {max(0.0, left):.0f} s were left")
            )
            continue
        say(f"[{place}/{len(items)}] {item.title} (about {expected:.0f} s, log {out / item.name}.log)")
        outcomes.append(_measure([*program, item.name], item, data, out, min(item.limit, left), toy))
        say(f"    {outcomes[-1].state}, {outcomes[-1].seconds:.0f} s {outcomes[-1].note}".rstrip())
    return outcomes


def _measure(command: list[str], item: Item, data: Path, out: Path, limit: float, toy: bool) -> Outcome:
    """Measure one item in a process of its own, its output in a log."""
    command = [*command, "--data", str(data.resolve()), "--folder", str(out.resolve())] + ["--toy"] * toy
    began, wall = time.monotonic(), time.time()
    log = out / f"{item.name}.log"
    try:
        with open(log, "wb") as output:
            process = subprocess.Popen(
                command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )
    except OSError as error:
        raise KitError(
            f"{log} cannot be written ({error.strerror or error}). What was measured before is kept; make room, or choose "
            "another --out, and give the same command to go on."
        ) from error
    try:
        code = process.wait(limit)
        state = MEASURED if code == 0 else FAILED
    except subprocess.TimeoutExpired:
        state = STOPPED
    finally:
        _end(process)
    seconds = time.monotonic() - began
    result = read_result(out, item.name)
    if result is not None and os.path.getmtime(out / f"{item.name}.json") >= wall - 1:
        return Outcome(item, MEASURED, seconds)
    note = f"after {limit:.0f} s, its limit" if state == STOPPED else _last_line(log)
    return Outcome(item, FAILED if state == MEASURED else state, seconds, note)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the remaining processes of an item."""
    for ending, patience in ((signal.SIGTERM, _GRACE), (signal.SIGKILL, _GRACE)):
        try:
            os.killpg(process.pid, ending)
        except (ProcessLookupError, PermissionError):
            return
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            continue


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1][:200] if lines else "it left no word"


def table(outcomes: Sequence[Outcome], out: Path) -> str:
    """Return the state of each item, one line per item, at most 80 columns wide."""
    lines = [f"{'item':<24}{'state':<14}{'seconds':>8}  note", "-" * 79]
    for outcome in outcomes:
        seconds = f"{outcome.seconds:.0f}" if outcome.seconds else ""
        row = f"{outcome.item.name:<24}{outcome.state:<14}{seconds:>8}  {outcome.note}".rstrip()
        lines.append(row if len(row) <= 79 else row[:78] + "…")
    here = sum(outcome.state == MEASURED for outcome in outcomes)
    kept = sum(outcome.state == KEPT for outcome in outcomes)
    left = len(outcomes) - here - kept
    lines += ["-" * 79, f"{here} measured now, {kept} before, {left} left", f"results: {out}"]
    return "\n".join(lines)
