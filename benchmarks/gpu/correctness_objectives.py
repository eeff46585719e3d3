"""One training step of every loss, miner and head of training, on the accelerator and on the CPU."""

import dataclasses
import json
import os
from collections.abc import Callable, Mapping, Sequence
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
from lfw_jax.training.objectives.classification import HEADS
from lfw_jax.training.objectives.objective import Objective
from lfw_jax.training.objectives.pairs import MINERS, PAIR_LOSSES

TOLERANCE = Tolerance(loss=2e-5, gradient=1e-4, parameter=1e-3, kept=1e-3, ties=True)

_IDENTITIES, _BATCH, _DIM, _SIDE, _BATCHES = 16, 64, 32, 24, 4
_MODEL = dict(name="siamese", embedding_dim=_DIM, features=(8,), hidden=32)
_TOY_MODEL = _MODEL | dict(features=())  # convolutions take the compiler longest

Make = Callable[[], Objective]


def objectives() -> dict[str, dict[str, Make]]:
    """Return the constructor of each objective in the tables of training, by kind and name.

    The selection of a miner is used both as weights of pairs (margin loss) and as triplets (triplet loss), because
    these are different code paths.
    """

    def made(loss: str, miner: str = "none", paired: bool = False, memory: int = 0, **options: Any) -> Make:
        return lambda: build_objective(
            dict(name=loss, **options), dict(name=miner), classes=_IDENTITIES, embedding_dim=_DIM, paired=paired,
            batch_size=_BATCH, memory=memory,
        )  # fmt: skip

    size = 2 * _BATCH + _BATCH // 2  # fills up and goes round within the batches
    return {
        "head": {name: made(name) for name in HEADS},
        "loss": {name: made(name) for name in PAIR_LOSSES},
        "miner": {
            f"{miner}, {loss} loss": made(loss, miner) for miner in MINERS for loss in ("margin", "triplet")
        },
        "memory": {
            "contrastive loss, every pair": made("contrastive", memory=size),
            **{f"{miner}, margin loss": made("margin", miner, memory=size) for miner in MINERS},
        },
        "given pairs": {
            f"contrastive loss, {form}": made("contrastive", paired=True, form=form) for form in ("linear", "squared")
        },
    }  # fmt: skip


def measure_objectives(
    folder: Path, *, toy: bool, table: Mapping[str, Mapping[str, Make]] | None = None
) -> dict[str, Any]:
    """Compare the step of every objective; float32, matrix products at the highest precision.

    Args:
      folder: takes the errors of every batch, `steps.json`.
      toy: take the first objective of each kind and a network without convolutions.
      table: objectives in place of `objectives()`.

    Returns:
      Figures, with the verdict on each objective.

    Raises:
      UserError: devices that cannot be compared.
    """
    reference, tested, compared = both_devices()
    # The results of the reference do not depend on its optimisation, which would double the time.
    settings = [Setting(reference, optimized=False), Setting(tested, optimized=not toy)]
    model = _TOY_MODEL if toy else _MODEL
    variables = host_variables(model, _SIDE)
    batches = [batch(number) for number in range(_BATCHES)]
    makers = {
        f"{kind}: {name}": make
        for kind, made in (table or objectives()).items()
        for name, make in list(made.items())[: 1 if toy else None]
    }
    print(f"{len(makers)} objectives, {compared}")

    def compiled(make: Make) -> list[Callable[[Sequence[Batch]], list[Recorded]]]:
        case = Case(model, variables, make(), _SIDE)
        return [compile_case(case, setting, batches[0]) for setting in settings]

    cases, every = [], {}
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        begun = {name: pool.submit(compiled, make) for name, make in makers.items()}
        for name, future in begun.items():

            def compare(future: Future[list[Callable[[Sequence[Batch]], list[Recorded]]]] = future) -> dict[str, Any]:
                right, found = (run(batches) for run in future.result())
                case, every[name] = compare_steps(right, found, TOLERANCE)  # noqa: B023  # called at once
                return case

            cases.append(recording_failures(name, compare))
            print(line(cases[-1]), flush=True)
    (folder / "steps.json").write_text(json.dumps(finite(every), indent=1) + "\n", encoding="utf-8")
    return {"compared": compared, "tolerance": dataclasses.asdict(TOLERANCE), **summary(cases), "cases": finite(cases)}


def batch(number: int) -> Batch:
    """Return four images of each identity; in half of the pairs (2j, 2j + 1) both show the same one."""
    rng = np.random.default_rng(number)
    pairs = np.repeat(rng.permutation(_IDENTITIES), 2)
    labels = np.concatenate([pairs, rng.permutation(np.tile(np.arange(_IDENTITIES), 2))])
    faces = np.random.default_rng(_IDENTITIES).integers(0, 256, (_IDENTITIES, _SIDE // 4, _SIDE // 4, 3))
    noisy = faces.repeat(4, 1).repeat(4, 2)[labels] + rng.normal(0, 60, (_BATCH, _SIDE, _SIDE, 3))
    return noisy.clip(0, 255).astype(np.uint8), labels.astype(np.int32)
