"""One item in a process of its own.

    python -m benchmarks.gpu.item NAME --data=FILE --folder=FOLDER [--toy]

It writes `FOLDER/NAME.json` when it is done, so that no measurement depends on the process that started it. Exit
codes: 0 if measured, 2 with a sentence on standard error if not.
"""

import argparse
import importlib
import os
import platform
import signal
import subprocess
import sys
import threading
import time
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks.gpu.items import by_name
from benchmarks.gpu.results import KitError, write_result

_PACKAGES = ("jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy", "torch", "pytorch-metric-learning")


def main(arguments: list[str]) -> int:
    """Measure one item and write its result; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu.item")
    parser.add_argument("name")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--toy", action="store_true")
    flags = parser.parse_args(arguments)
    item = by_name(flags.name)
    end_with_parent()
    from lfw_jax.errors import UserError

    work = flags.folder / item.name
    began, clock = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), time.monotonic()
    try:
        work.mkdir(parents=True, exist_ok=True)
        module = importlib.import_module(f"benchmarks.gpu.{item.module}")
        figures = module.measure(flags.data, work, toy=flags.toy, **item.options)
        write_result(
            flags.folder,
            item.name,
            {
                "item": item.name,
                "toy": flags.toy,
                "began": began,
                "seconds": round(time.monotonic() - clock, 1),
                "command": f"python -m benchmarks.gpu --again={item.name}" + (" --dry" if flags.toy else ""),
                "machine": machine(),
                "figures": figures,
            },
        )
    except (UserError, KitError) as error:
        print(f"{item.name}: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(
            f"{item.name}: {error.filename or flags.folder} cannot be written or read ({error.strerror or error}). Results "
            "that were written before are kept.",
            file=sys.stderr,
        )
        return 2
    return 0


def end_with_parent() -> None:
    """End this process and its children when its parent has ended, so that no item outlives the kit."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os.killpg(os.getpgrp(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


def machine() -> dict[str, Any]:
    """Return the device, the processor and the versions that a measurement belongs to."""
    import jax

    device = jax.devices()[0]
    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return {
        "device": device.device_kind,
        "platform": device.platform,
        "devices": jax.local_device_count(),
        "driver": _driver(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "versions": versions,
    }


def _driver() -> str:
    """Version of NVIDIA's driver; "" where there is none."""
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout.split()[0]
    except (OSError, subprocess.SubprocessError, IndexError):
        return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
