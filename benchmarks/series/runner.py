"""Training of a series of runs one after another, within a time limit."""

import dataclasses
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.series.runs import Run, changed_keys, is_finished, progress_of

FINISHED, KEPT, PAUSED, WAITING, FAILED = "finished", "kept", "paused", "waiting", "failed"
ROOT = Path(__file__).parents[2]
RESERVE = 150.0
"""Seconds of a run beside its training: start, compilation, evaluation."""
LEAST = 60.0
"""Seconds of training for which a run is worth its start."""
_LATE = 120.0  # seconds beyond the limit until a run is asked to stop
_PATIENCE = 180.0  # seconds for the last step and its checkpoint, then a run is killed


@dataclasses.dataclass(frozen=True)
class Outcome:
    """Outcome of a run.

    Attributes:
      run: The run.
      state: FINISHED in this sitting, KEPT from an earlier one, PAUSED, WAITING for a later one, or FAILED.
      seconds: Duration of the run in this sitting.
      note: Reason for a failure, or how far a paused run is.
    """

    run: Run
    state: str
    seconds: float = 0.0
    note: str = ""


Train = Callable[[Run, float], int]
"""Trains a run for a number of seconds at most, and evaluates it if it ends in time. Returns the exit code."""


def run_series(
    runs: Sequence[Run],
    train: Train,
    *,
    deadline: float,
    options: Sequence[str] = (),
    clock: Callable[[], float] = time.monotonic,
    say: Callable[[str], None] = print,
) -> list[Outcome]:
    """Train the unfinished runs in order, as far as the time allows.

    A run starts, or resumes, if the time suffices for a part of it. A run that the time ends is paused, with a checkpoint.

    Args:
      runs: The runs, in order.
      train: Trains one run.
      deadline: The end of the time, by `clock`.
      options: The flags of all runs.
      clock: Returns the present time in seconds.
      say: Receives lines for the user.

    Raises:
      UserError: If the files of a run are damaged.
    """
    outcomes = []
    for place, run in enumerate(runs, 1):
        if is_finished(run):
            changed = ", ".join(key.removeprefix("config.") for key in changed_keys(run, options))
            outcomes.append(Outcome(run, KEPT, note=f"had other {changed}" if changed else ""))
            continue
        left = deadline - clock()
        if left < RESERVE + LEAST:
            outcomes.append(Outcome(run, WAITING, note=_progress(run)))
            continue
        say(f"[{place}/{len(runs)}] {run.config} in {run.folder}, {left / 60:.0f} minutes left")
        began = clock()
        code = train(run, left - RESERVE)
        outcomes.append(_outcome(run, code, clock() - began))
        say(f"    {outcomes[-1].state} after {outcomes[-1].seconds / 60:.1f} minutes {outcomes[-1].note}".rstrip())
    return outcomes


def _outcome(run: Run, code: int, seconds: float) -> Outcome:
    if code == 0 and is_finished(run):
        return Outcome(run, FINISHED, seconds)
    if code in (0, -signal.SIGTERM, 128 + signal.SIGTERM):
        return Outcome(run, PAUSED, seconds, _progress(run))
    return Outcome(run, FAILED, seconds, _last_line(log_of(run)))


def _progress(run: Run) -> str:
    share = progress_of(run)
    return f"{100 * share:.0f} % trained" if share else ""


def log_of(run: Run) -> Path:
    """Return the file of a run's output, beside its work directory."""
    return run.folder.with_name(f"{run.name}.log")


def train_by_launch(run: Run, seconds: float, options: Sequence[str] = ()) -> int:
    """Train a run by `launch.py` in a process of its own, its output in a log.

    If this process is interrupted, the run saves a checkpoint first.

    Args:
      run: The run.
      seconds: The time of the training, start and evaluation not included.
      options: Further flags.

    Returns:
      The exit code.
    """
    command = [sys.executable, "launch.py", f"--config={run.config}", f"--workdir={run.folder.resolve()}", *options]
    command += [f"--config.seed={run.seed}"] if run.seed is not None else []
    command.append(f"--config.training.max_minutes={seconds / 60:.3f}")
    run.folder.parent.mkdir(parents=True, exist_ok=True)
    with open(log_of(run), "ab") as log:
        log.write(f"{' '.join(command)}\n".encode())
        log.flush()
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, start_new_session=True)
        try:
            return process.wait(seconds + RESERVE + _LATE)
        except subprocess.TimeoutExpired:
            return end(process)
        except BaseException:
            end(process)
            raise


def end(process: subprocess.Popen[bytes], patience: float = _PATIENCE) -> int:
    """End a process by SIGTERM, upon which a training saves its state, or else by SIGKILL.

    Args:
      process: The process.
      patience: Seconds until SIGKILL.

    Returns:
      The exit code.
    """
    process.terminate()
    try:
        return process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() if log.is_file() else []
    return lines[-1][:300] if lines else ""
