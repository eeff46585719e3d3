"""Correctness on the accelerator: comparison with the same computation on a CPU."""

from pathlib import Path
from typing import Any

from lfw_jax.errors import UserError

PARTS = ("objectives", "network", "cascade")


def measure(data: Path, folder: Path, *, toy: bool, part: str) -> dict[str, Any]:
    """Compare one part of the project on the accelerator with the CPU.

    A disagreement is a result, not an error.

    Args:
      data: The data file; the originals and the reference of the cascade are in the same folder.
      folder: Folder for details.
      toy: Use tiny networks and a few objectives.
      part: "objectives": a training step of every loss, miner and head; "network": a training step of ResNet-50 at
        each precision; "cascade": the faces that the alignment cascade finds.

    Returns:
      The comparisons, the tolerances and a verdict on each comparison.

    Raises:
      UserError: If the part is unknown, the devices cannot be compared, or a file of the bundle is missing or damaged.
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
