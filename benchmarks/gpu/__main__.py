"""All measurements that need a GPU, from one command, within a given number of minutes.

    python -m benchmarks.gpu --data=lfw_aligned.npz --minutes=9 --out=FOLDER    # measure what is not measured yet
    python -m benchmarks.gpu --dry --out=FOLDER                                 # all of it at toy size, on a CPU
    python -m benchmarks.gpu --render                                           # tables of docs/results.md

`make gpu-bundle DATA=LFW` makes the data file and everything else that a bare machine needs. Flags are parsed by the
standard library, because the machine may lack absl until the bundle's wheels are installed.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType

from benchmarks.gpu import packages
from benchmarks.gpu.bundle import DATA, check_bundle
from benchmarks.gpu.items import ITEMS
from benchmarks.gpu.results import COMMITTED, KitError
from benchmarks.gpu.runner import FAILED, ROOT, STOPPED, Outcome, estimate, outstanding, run_items, table

_DRY_MINUTES = 10.0
_QUICK_COMPILATION = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"


def main(arguments: list[str]) -> int:
    """Run the kit; return the exit code: 0, 1 if an item failed, 2 for a mistake of the user."""
    flags = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _stop)
    try:
        if flags.render:
            from benchmarks.gpu.render import render

            print(render(COMMITTED))
            return 0
        return _measure(flags)
    except KitError as error:
        print(f"benchmarks.gpu: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("benchmarks.gpu: stopped; the results written so far are kept.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    names = ", ".join(item.name for item in ITEMS)
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="lfw_aligned.npz of `make gpu-bundle`, with its folder around it")
    parser.add_argument("--minutes", type=float, default=9.0, help="time for everything (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("runs/gpu"), help="folder of results (default: %(default)s)")
    parser.add_argument("--again", action="append", default=[], metavar="NAME", help=f"measure again, one of: {names}")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="measure these alone")
    parser.add_argument("--dry", action="store_true", help="every item at toy size, on a CPU too; counts for nothing")
    parser.add_argument(
        "--render", action="store_true", help="write the tables of docs/results.md from docs/results/gpu"
    )
    return parser


def _measure(flags: argparse.Namespace) -> int:
    began = time.monotonic()
    known = {item.name for item in ITEMS}
    for name in (*flags.again, *flags.only):
        if name not in known:
            raise KitError(f"--again, --only: found no item '{name}'; the items are {', '.join(sorted(known))}.")
    if not flags.minutes > 0:
        raise KitError(f"--minutes is {flags.minutes:g}; expected a number above 0.")
    items = [item for item in ITEMS if not flags.only or item.name in flags.only]
    if flags.data is None and not flags.dry:
        raise KitError("--data is missing; expected the lfw_aligned.npz that `make gpu-bundle DATA=LFW` makes.")
    try:
        flags.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise KitError(f"--out: {flags.out} cannot be made ({error.strerror}); choose another folder.") from error
    if flags.data is not None:
        check_bundle(flags.data)
        if not flags.dry:
            _check_time(flags, items)
        packages.provide(flags.data.parent / "wheels", flags.out / "packages")
    with tempfile.TemporaryDirectory() as scratch:
        data = _toy_bundle(Path(scratch) / "bundle") if flags.dry else flags.data
        if not flags.dry:
            device = _device()
            print(f"{device}; {flags.minutes:g} minutes; results go to {flags.out}")
        if flags.dry:  # optimised code is not worth its compilation for a few steps
            os.environ["XLA_FLAGS"] = " ".join([os.environ.get("XLA_FLAGS", ""), _QUICK_COMPILATION]).strip()
        minutes = max(flags.minutes, _DRY_MINUTES) if flags.dry else flags.minutes
        # A cache of compiled programs, shared by items of the same shapes.
        os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str((flags.out / "xla_cache").resolve()))
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.2")
        outcomes = run_items(
            items,
            data=data,
            out=flags.out,
            deadline=began + 60 * minutes,
            committed=None if flags.dry else COMMITTED,
            again=flags.again,
            toy=flags.dry,
            say=lambda line: print(line, flush=True),
        )
    print(table(outcomes, flags.out), flush=True)
    return _code(outcomes)


def _toy_bundle(folder: Path) -> Path:
    """Make a bundle of synthetic faces in another process, because JAX's threads make forking unsafe."""
    command = [sys.executable, "-m", "benchmarks.gpu.bundle", "--toy", "--out", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise KitError(f"the synthetic faces of the dry run cannot be made ({last}).")
    return folder / DATA


def _device() -> str:
    """Return a description of the GPU, from another process so that this one does not hold its memory."""
    code = "import jax; d = jax.devices(); print(d[0].platform, len(d), d[0].device_kind, sep='|')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    platform, _, rest = (done.stdout.strip().splitlines() or [""])[-1].partition("|")
    if platform not in ("gpu", "cuda", "rocm"):
        found = (
            f"JAX finds {platform}" if platform else (done.stderr.strip().splitlines() or ["JAX does not start"])[-1]
        )
        raise KitError(f"found no GPU ({found}). Run it where JAX has one, or give --dry for every item at toy size.")
    count, _, kind = rest.partition("|")
    return f"{count} × {kind}"


def _check_time(flags: argparse.Namespace, items: list) -> None:
    folders = [flags.out, COMMITTED]
    todo = outstanding(items, folders, flags.again)
    if todo and (needed := estimate(todo[0], folders)) > 60 * flags.minutes:
        raise KitError(
            f"--minutes={flags.minutes:g} is less than the first item needs: {todo[0].name} takes about {needed:.0f} s. Give "
            f"--minutes={needed / 60 + 0.5:.0f} or more."
        )


def _code(outcomes: list[Outcome]) -> int:
    return int(any(outcome.state in (FAILED, STOPPED) for outcome in outcomes))


def _stop(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
