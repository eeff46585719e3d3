"""Load on a running service: many clients that verify pairs of photos, in a process of its own.

    python -m benchmarks.load --model=runs/mine/model --dir=LFW --clients=64 --requests=256

The service is started as `python launch.py --mode=serve`. Each client sends one request after another; all pairs are of photos of
the folder. It prints the requests per second, the latency, the memory of the service, and the lost requests, of which there must
be none.
"""

import asyncio
import logging
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import numpy as np
from absl import app, flags

_MODEL = flags.DEFINE_string("model", "runs/quickstart/model", "Model directory.")
_DIR = flags.DEFINE_string("dir", "", "Folder with photos below it.")
_CLIENTS = flags.DEFINE_integer("clients", 64, "Number of clients.")
_REQUESTS = flags.DEFINE_integer("requests", 256, "Number of requests of all clients together.")
_DETECTOR = flags.DEFINE_string("detector", "auto", "The value of --config.align.engine.")

_SECONDS = 600.0


def main(_: list[str]) -> None:
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    photos = sorted(Path(_DIR.value).rglob("*.jpg"))
    process, url = start()
    try:
        asyncio.run(verify_pairs(url, photos, clients=4, requests=8, seed=1))
        before = memory(process.pid)
        began = time.perf_counter()
        seconds, statuses = asyncio.run(
            verify_pairs(url, photos, clients=_CLIENTS.value, requests=_REQUESTS.value, seed=0)
        )
        took = time.perf_counter() - began
        after, most = memory(process.pid), memory(process.pid, "VmHWM")
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(150)
    counts = {status: statuses.count(status) for status in sorted(set(statuses))}
    lost = _REQUESTS.value - counts.get(200, 0)
    p50, p95, p99 = np.percentile(seconds, [50, 95, 99])
    print(f"{_CLIENTS.value} clients, {_REQUESTS.value} requests, statuses {counts}, lost {lost}, exit code {code}")
    print(f"{_REQUESTS.value / took:.2f} requests/s, {2 * _REQUESTS.value / took:.2f} photos/s, in {took:.0f} s")
    print(f"latency: p50 {p50:.2f} s, p95 {p95:.2f} s, p99 {p99:.2f} s, most {max(seconds):.2f} s")
    print(f"memory of the service: {before:.0f} MB before, {after:.0f} MB after, {most:.0f} MB at most")
    sys.exit(1 if lost or code else 0)


def start() -> tuple[subprocess.Popen[str], str]:
    """Start the service, and return its process and address."""
    command = [
        sys.executable,
        "launch.py",
        "--mode=serve",
        f"--model={_MODEL.value}",
        "--port=0",
        "--requests_per_minute=0",
    ]
    command.append(f"--config.align.engine={_DETECTOR.value}")
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.match(r"(http://\S+): serving", line):
            return process, found[1]
    raise SystemExit(f"the service did not start, exit code {process.wait()}")


async def verify_pairs(
    url: str, photos: list[Path], *, clients: int, requests: int, seed: int
) -> tuple[list[float], list[int]]:
    """Send requests, and return the seconds and the status of each; 0 for one without an answer."""
    pairs = iter(np.random.default_rng(seed).integers(0, len(photos), (requests, 2)).tolist())
    seconds: list[float] = []
    statuses: list[int] = []

    async def client() -> None:
        async with httpx2.AsyncClient(base_url=url, timeout=_SECONDS) as session:
            for first, second in pairs:
                files = {"first": photos[first].read_bytes(), "second": photos[second].read_bytes()}
                began = time.perf_counter()
                try:
                    status = (await session.post("/verify", files=files)).status_code
                except httpx2.HTTPError:
                    status = 0
                seconds.append(time.perf_counter() - began)
                # A photo in which the detector finds no face is answered, too.
                statuses.append(200 if status == 422 else status)

    await asyncio.gather(*(client() for _ in range(clients)))
    return seconds, statuses


def memory(process: int, name: str = "VmRSS") -> float:
    """Return the resident memory of a process in megabytes: now, or by the name VmHWM the most."""
    text = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    return int(re.search(rf"{name}:\s+(\d+) kB", text)[1]) / 1000  # pyright: ignore[reportOptionalSubscript]


if __name__ == "__main__":
    app.run(main)
