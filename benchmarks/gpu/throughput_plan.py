"""Sizes of the throughput item, at full size and at toy size. Imports neither JAX nor PyTorch."""

import dataclasses
from collections.abc import Callable
from typing import Any

TOY_XLA_FLAGS = (
    "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"  # compiles faster on a CPU
)
LOG_EVERY = 20  # steps after which a loss is fetched, as training does (config.training.log_every)


@dataclasses.dataclass(frozen=True)
class Plan:
    """Sizes of networks, batches and measurements.

    Attributes:
      side: Side of the square network input, in pixels.
      stages: Number of blocks in each stage of the residual network.
      width: Channels inside the blocks of the first stage.
      embedding_dim: Length of an embedding.
      classes: Number of identities.
      batches: Batch sizes, the most interesting one first.
      rounds: Number of turns of every candidate.
      round_seconds: Duration of a turn.
      peak_size: Side of the square matrices whose product gives the peak rate.
      images: Number of images of the data that are used.
      traced_steps: Number of steps in the trace.
    """

    side: int
    stages: tuple[int, ...]
    width: int
    embedding_dim: int
    classes: int
    batches: tuple[int, ...]
    rounds: int
    round_seconds: float
    peak_size: int
    images: int
    traced_steps: int

    def network(self) -> dict[str, Any]:
        """Return the arguments of `throughput_flops` for the network."""
        return dict(
            stages=self.stages, width=self.width, embedding_dim=self.embedding_dim, classes=self.classes
        )  # fmt: skip


FULL = Plan(
    side=112,
    stages=(3, 4, 6, 3),
    width=64,
    embedding_dim=128,
    classes=4038,
    batches=(256, 1024, 512, 128),
    rounds=3,
    round_seconds=0.5,
    peak_size=8192,
    images=4096,
    traced_steps=5,
)
TOY = Plan(
    side=16,
    stages=(1,),
    width=8,
    embedding_dim=16,
    classes=24,
    batches=(4,),
    rounds=2,
    round_seconds=0.05,
    peak_size=512,
    images=16,
    traced_steps=2,
)


def plan(*, toy: bool) -> Plan:
    """Return the sizes of a run."""
    return TOY if toy else FULL


def timed_steps(run: Callable[[int], float], seconds: float) -> tuple[int, float]:
    """Run as many steps as fill the given number of seconds.

    Args:
      run: Function that runs a number of steps, waits for the device, and returns the seconds taken.
      seconds: Duration of the measurement.

    Returns:
      The number of steps and their duration in seconds.
    """
    pilot = 2
    took = run(pilot)
    steps = max(pilot, round(seconds * pilot / max(took, 1e-9)))
    return steps, run(steps)


def peak_teraflops(run: Callable[[int], float], size: int, seconds: float) -> float:
    """Return the rate of a product of two square matrices, in 10¹² operations per second.

    `run` is as in `timed_steps`.
    """
    run(3)
    products, took = timed_steps(run, seconds)
    return 2 * size**3 * products / took / 1e12
