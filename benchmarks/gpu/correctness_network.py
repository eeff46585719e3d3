"""One training step of ResNet-50 on the accelerator and on the CPU, at each precision."""

import dataclasses
import json
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.gpu.correctness_comparison import (
    Tolerance,
    both_devices,
    compare_steps,
    finite,
    line,
    recording_failures,
    summary,
)
from benchmarks.gpu.recorded_gradients import Batch, Case, Recorded, Setting, compile_case, host_variables
from lfw_jax.training.objectives.build import build_objective

# A rounding that lifts an activation over zero lets another gradient through, so that gradients are much further apart than
# losses. On a CPU, ResNet-50's gradient over two devices was 4e-4 (a parameter's 7e-3) from that over one, and in bfloat16 0.04
# (0.27) from float32, cosine 0.9992. TF32 rounds the factors of products to 2⁻¹¹, an eighth of bfloat16's 2⁻⁸.
FLOAT32 = Tolerance(loss=1e-4, gradient=0.01, parameter=0.1, kept=1e-4)
TF32 = Tolerance(loss=2e-3, gradient=0.05, parameter=0.4, kept=2e-3)
BFLOAT16 = Tolerance(loss=5e-3, gradient=0.15, parameter=1.0, kept=5e-3)


@dataclasses.dataclass(frozen=True)
class _Size:
    model: dict[str, Any]
    side: int
    batch: int
    classes: int


_FULL = _Size(dict(name="resnet50", embedding_dim=128), 112, 32, 4038)
_TOY = _Size(dict(name="resnet", embedding_dim=16, stages=(1,), width=4), 16, 8, 12)


def measure_network(folder: Path, *, toy: bool) -> dict[str, Any]:
    """Compare losses and gradients of a step with a softmax head.

    Args:
      folder: takes the errors of every batch, `steps.json`.
      toy: a network of one block, at 16×16.

    Returns:
      Figures, with a verdict on each comparison.

    Raises:
      UserError: devices that cannot be compared.
    """
    size = _TOY if toy else _FULL
    reference, tested, compared = both_devices()
    settings = {
        "reference": Setting(reference, optimized=not toy),
        "highest": Setting(tested, optimized=not toy),
        "default": Setting(tested, "default", optimized=not toy),
        "bfloat16": Setting(tested, "default", "bfloat16", optimized=not toy),
    }
    objective = build_objective(
        dict(name="arcface", margin=0.3, scale=16.0), dict(name="none"), classes=size.classes,
        embedding_dim=size.model["embedding_dim"], paired=False, batch_size=size.batch,
    )  # fmt: skip
    case = Case(size.model, host_variables(size.model, size.side), objective, size.side)
    batches = [_batch(size, number) for number in range(3)]
    print(f"{size.model['name']}, {size.side}×{size.side}, batch {size.batch}: {compared}")
    with ThreadPoolExecutor(len(settings)) as pool:
        compiled = {name: pool.submit(compile_case, case, setting, batches[0]) for name, setting in settings.items()}
    steps = _Steps(compiled, batches)
    comparisons = {
        "float32, highest precision, beside the CPU": ("reference", "highest", FLOAT32),
        "float32, default precision, beside the highest": ("highest", "default", TF32),
        "bfloat16, beside float32 at the highest": ("highest", "bfloat16", BFLOAT16),
        "float32, default precision, beside itself again": ("default", "default again", FLOAT32),
    }
    cases, every = [], {}
    for name, (right, other, tolerance) in comparisons.items():

        def compare() -> dict[str, Any]:
            case, every[name] = compare_steps(steps(right), steps(other), tolerance)  # noqa: B023  # called at once
            return {**case, "tolerance": dataclasses.asdict(tolerance)}  # noqa: B023

        cases.append(recording_failures(name, compare))
        print(line(cases[-1]), flush=True)
    (folder / "steps.json").write_text(json.dumps(finite(every), indent=1) + "\n", encoding="utf-8")
    return {"compared": compared, **summary(cases), "cases": finite(cases)}


class _Steps:
    """The recorded steps of each setting, taken when they are asked for."""

    def __init__(
        self, compiled: dict[str, Future[Callable[[Sequence[Batch]], list[Recorded]]]], batches: Sequence[Batch]
    ):
        self._compiled, self._batches = compiled, batches
        self._taken: dict[str, list[Recorded]] = {}

    def __call__(self, name: str) -> list[Recorded]:
        """The steps of a setting; "… again" is taken once more. Raises what compiling raised."""
        if name not in self._taken:
            self._taken[name] = self._compiled[name.removesuffix(" again")].result()(self._batches)
        return self._taken[name]


def _batch(size: _Size, number: int) -> Batch:
    """Images with something on several scales."""
    rng = np.random.default_rng(number)
    shape = (size.batch, size.side, size.side, 3)
    pixels = rng.normal(128, 25, shape)
    for block in (2, 4, 8):
        coarse = rng.normal(0, 25, (size.batch, size.side // block, size.side // block, 3))
        pixels += coarse.repeat(block, 1).repeat(block, 2)
    labels = rng.integers(0, size.classes, size.batch)
    return pixels.clip(0, 255).astype(np.uint8), labels.astype(np.int32)
