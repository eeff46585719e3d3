"""Time of joint Bayesian on one BLAS thread and on all, also beside processes that use the cores.

    python -m benchmarks.blas_threads --dimension=1400

The vectors are those of `benchmarks.backends`.
"""

import argparse
import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from unittest import mock

from benchmarks.backends import sampled_vectors
from lfw_jax.backends import joint_bayesian

ITERATIONS = 5


def main() -> None:
    """Print a table with one row per number of busy processes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--identities", type=int, default=4000)
    parser.add_argument("--dimension", type=int, default=1400, help="at most 4,096, the limit of one thread")
    parser.add_argument("--busy", type=int, default=2, help="largest number of busy processes")
    given = parser.parse_args()
    features, labels = sampled_vectors(given.identities, given.dimension)

    def seconds() -> float:
        start = time.perf_counter()
        joint_bayesian.fit_joint_bayesian(features, labels, iterations=ITERATIONS, tolerance=0.0)
        return time.perf_counter() - start

    print(f"{len(features):,} vectors of length {given.dimension:,}, {ITERATIONS} iterations of EM")
    print("| Busy processes | one thread | all threads |\n|---|---|---|")
    for count in range(given.busy + 1):
        with busy_processes(count):
            one = seconds()
            with mock.patch.object(joint_bayesian, "one_blas_thread", return_value=contextlib.nullcontext()):
                every = seconds()
        print(f"| {count} | {one:.1f} s | {every:.1f} s |", flush=True)


@contextlib.contextmanager
def busy_processes(count: int) -> Iterator[None]:
    """Run processes that use one core each for as long as the block lasts.

    Args:
      count: the number of processes.
    """
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
            stack.callback(process.wait)
            stack.callback(process.kill)  # runs before wait
        yield


if __name__ == "__main__":
    main()
