"""Train several configurations within a number of minutes, and compare what is finished.

    python -m benchmarks.series ablation --minutes=240 --out=runs/ablation --config.data.source=folder --config.data.dir=LFW
    python -m benchmarks.series cpu cpu/arcface@1 cpu/arcface@2 --minutes=60 --out=runs/reproduction --config.data.dir=LFW

The same command goes on: it skips finished runs, resumes an unfinished one, and starts no run when the minutes are over.
Ctrl-C saves the present run. The comparison is paired; above six runs, every run is compared with the first.
"""

import argparse
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import FrameType

from benchmarks.series.runner import FAILED, FINISHED, KEPT, ROOT, Outcome, run_series, train_by_launch
from benchmarks.series.runs import Run, is_finished, runs_of
from lfw_jax.errors import UserError


def main(arguments: list[str]) -> int:
    """Train a series, compare what is finished, and return the exit code.

    It is 0, 1 if a run failed, 2 for a mistake of the user, or 130 if the series was interrupted.
    """
    signal.signal(signal.SIGTERM, _stop)
    began = time.monotonic()
    try:
        flags, options = _parsed(arguments)
        runs = runs_of(flags.runs, flags.out)
        try:
            outcomes = run_series(
                runs,
                partial(train_by_launch, options=options),
                deadline=began + 60 * flags.minutes,
                options=options,
                say=partial(print, flush=True),
            )
        except KeyboardInterrupt:
            print("stopped; what was trained is kept. The same command goes on.", file=sys.stderr)
            return 130
        print(table(outcomes), flush=True)
        compared = compare(runs, flags.out)
    except UserError as error:
        print(f"benchmarks.series: {error}", file=sys.stderr)
        return 2
    return 1 if any(outcome.state == FAILED for outcome in outcomes) else compared


def _parsed(arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """Return the flags of the series and those of all its runs.

    Raises:
      UserError: If a flag is neither, or is one that the series sets itself.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks.series", description=__doc__.splitlines()[0])
    parser.add_argument(
        "runs",
        nargs="+",
        help="folders of configurations (cpu, ablation), or configurations: cpu/arcface, cpu/arcface@1 (seed)",
    )
    parser.add_argument("--minutes", type=float, required=True, help="time for everything; 0 compares only")
    parser.add_argument("--out", type=Path, required=True, help="folder of the work directories and of the comparison")
    flags, options = parser.parse_known_args(arguments)
    for option in options:
        if not option.startswith("--config.") or "=" not in option:
            raise UserError(f"found {option}, expected flags such as --config.data.dir=LFW, with = and a value.")
        if option.startswith("--config.training.max_minutes"):
            raise UserError(f"found {option}, expected --minutes, which sets it for each run.")
    if not flags.minutes >= 0:
        raise UserError(f"--minutes is {flags.minutes:g}; expected a number of at least 0.")
    return flags, options


def table(outcomes: Sequence[Outcome]) -> str:
    """Return the state of each run, one line per run, at most 80 columns wide."""
    lines = [f"{'run':<24}{'state':<10}{'minutes':>8}  note", "-" * 79]
    for outcome in outcomes:
        minutes = f"{outcome.seconds / 60:.1f}" if outcome.seconds else ""
        row = f"{outcome.run.name:<24}{outcome.state:<10}{minutes:>8}  {outcome.note}".rstrip()
        lines.append(row if len(row) <= 79 else row[:78] + "…")
    done = sum(outcome.state in (FINISHED, KEPT) for outcome in outcomes)
    rest = len(outcomes) - done
    lines += ["-" * 79, f"{done} finished, {rest} left" + ("; the same command goes on" if rest else "")]
    return "\n".join(lines)


def compare(runs: Sequence[Run], out: Path) -> int:
    """Compare the finished runs by `--mode=compare`; return its exit code, 0 if none is finished."""
    finished = [str(run.folder.resolve()) for run in runs if is_finished(run)]
    if not finished:
        return 0
    command = [sys.executable, "launch.py", "--mode=compare", f"--input={','.join(finished)}"]
    return subprocess.run([*command, f"--output={out.resolve() / 'compare'}"], cwd=ROOT, check=False).returncode


def _stop(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
