"""Correctness on the accelerator: what it computes beside what a CPU computes, the first thing to know of a device."""

from pathlib import Path
from typing import Any

from lfw_jax.errors import UserError

PARTS = ("objectives", "network", "cascade")


def measure(data: Path, folder: Path, *, toy: bool, part: str) -> dict[str, Any]:
    """Compare one part of the project on the accelerator with the CPU. A disagreement is a result, not an error.

    Args:
      data: the data file; the cascade's originals and reference lie beside it.
      folder: takes details.
      toy: tiny networks, a few objectives.
      part: "objectives": a training step of every loss, miner and head; "network": a training step of ResNet-50 at each
        precision; "cascade": the faces that the alignment cascade finds.

    Returns:
      Figures with what was compared, the tolerances and a verdict on each comparison.

    Raises:
      UserError: an unknown part, devices that cannot be compared, or a file of the bundle that is missing or damaged.
    """
    if part == "objectives":
        from benchmarks.gpu.correctness_objectives import measure_objectives

        return measure_objectives(folder, toy=toy)
    if part == "network":
        from benchmarks.gpu.correctness_network import measure_network

        return measure_network(folder, toy=toy)
    if part == "cascade":
        from benchmarks.gpu.correctness_cascade import measure_cascade

        return measure_cascade(data)
    raise UserError(f"part is '{part}'; expected one of {', '.join(PARTS)}.")
