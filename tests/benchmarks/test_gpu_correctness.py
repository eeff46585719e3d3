"""Correctness of a device: agreement is called agreement, and a fault in a step is found."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.gpu.correctness import measure
from benchmarks.gpu.correctness_comparison import (
    AGREES,
    DIFFERS,
    FAILED,
    TIES,
    Tolerance,
    compare_steps,
    errors,
    finite,
)
from benchmarks.gpu.correctness_objectives import TOLERANCE, batch, measure_objectives, objectives
from benchmarks.gpu.recorded_gradients import Case, Recorded, Setting, compile_case, host_variables
from lfw_jax.errors import UserError
from lfw_jax.models import build
from lfw_jax.training.objectives.build import build_objective
from lfw_jax.training.objectives.classification import HEADS
from lfw_jax.training.objectives.objective import Objective, Outcome
from lfw_jax.training.objectives.pairs import MINERS, PAIR_LOSSES

SIDE = 24
MODEL = dict(name="siamese", embedding_dim=32, features=(), hidden=16)


def objective(loss: str, miner: str = "none", **options: float) -> Objective:
    return build_objective(
        dict(name=loss), dict(name=miner, **options), classes=16, embedding_dim=32, paired=False, batch_size=64
    )


def recorded(made: Objective, batches: int = 3, device: int = 0) -> list[Recorded]:
    case = Case(MODEL, host_variables(MODEL, SIDE), made, SIDE)
    run = compile_case(case, Setting(jax.devices()[device : device + 1], optimized=False), batch(0))
    return run([batch(number) for number in range(batches)])


def changed(made: Objective, change: Callable[..., Outcome]) -> Objective:
    """The objective with something done to it: `change` takes its `apply` and what that is called with."""
    return dataclasses.replace(made, apply=lambda *arguments: change(made.apply, *arguments))


def fourfold_gradient(apply, *arguments):
    loss, rest = apply(*arguments)
    return loss + 3 * (loss - jax.lax.stop_gradient(loss)), rest


def fixed_beta(apply, params, *arguments):
    return apply(jax.lax.stop_gradient(params), *arguments)


def test_every_loss_miner_and_head_of_training_is_compared():
    kinds = objectives()
    assert set(kinds["head"]) == set(HEADS)
    assert set(kinds["loss"]) == set(PAIR_LOSSES)
    for miner in MINERS:
        assert {f"{miner}, margin loss", f"{miner}, triplet loss"} <= set(kinds["miner"])
        assert f"{miner}, margin loss" in kinds["memory"]
    assert len(kinds["given pairs"]) == 2


def test_the_recorded_gradient_is_that_of_the_loss():
    made = objective("normalized_softmax")
    variables = host_variables(MODEL, SIDE)
    found = recorded(made, batches=1)[0]
    images, labels = batch(0)
    params = {"model": variables["params"], "objective": made.init(jax.random.key(1))}

    def loss_of(params):
        embeddings: Any = build(MODEL).apply(
            {"params": params["model"]}, images.astype(np.float32) / 127.5 - 1, train=True
        )
        return made.apply(params["objective"], {}, embeddings, jnp.asarray(labels), jax.random.key(0))[0]

    loss, gradients = jax.value_and_grad(loss_of)(params)
    assert found.loss == pytest.approx(float(loss), rel=1e-5)
    for path, leaf in jax.tree_util.tree_leaves_with_path(gradients):
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        np.testing.assert_allclose(found.gradients[name], leaf, rtol=1e-3, atol=1e-4 * np.abs(leaf).max())
    assert found.logs["train/gradient_norm"] > 0


def test_a_step_runs_on_another_device_than_jaxs_default_one():
    made = objective("normalized_softmax")
    case, steps = compare_steps(recorded(made), recorded(made, device=2), TOLERANCE)
    assert case["verdict"] == AGREES
    assert len({step["loss"] for step in steps}) == 3  # of different batches


def test_a_gradient_of_another_scale_is_found_although_the_loss_is_right():
    made = objective("contrastive")
    case, steps = compare_steps(recorded(made), recorded(changed(made, fourfold_gradient)), TOLERANCE)
    assert case["verdict"] == DIFFERS
    assert case["batches_that_agree"] == 0
    assert case["gradient_ratio"] == pytest.approx(4, rel=1e-3)
    assert max(step["loss_error"] for step in steps) < 1e-6


def test_a_wrong_gradient_of_one_small_parameter_is_found():
    made = objective("margin")
    case, _ = compare_steps(recorded(made), recorded(changed(made, fixed_beta)), TOLERANCE)
    assert case["verdict"] == DIFFERS
    assert case["worst_parameter"] == "objective/beta"


def test_a_shifted_miner_is_found_and_its_counts_are_there():
    right, shifted = (recorded(objective("margin", "triplet_margin", margin=margin)) for margin in (0.1, 0.11))
    case, _ = compare_steps(right, shifted, TOLERANCE)
    assert case["verdict"] == DIFFERS
    assert case["counts"]["triplets"] < case["counts_found"]["triplets"]


def test_the_objectives_agree_on_one_and_two_devices(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    figures = measure(tmp_path / "none.npz", tmp_path, toy=True, part="objectives")
    assert figures["verdict"] == AGREES
    assert figures["comparisons"] == len(objectives()) == figures["agree"]
    assert "two CPU devices" in figures["compared"]
    assert all(case["gradient_norm"] > 0.01 and case["loss"] > 0.01 for case in figures["cases"])
    assert 0 < max(case["gradient_error"] for case in figures["cases"]) < 1e-5
    assert len(json.loads((tmp_path / "steps.json").read_text())) == len(figures["cases"])
    json.dumps(figures, allow_nan=False)
    assert "memory: contrastive loss, every pair" in capsys.readouterr().out


def test_an_objective_that_fails_is_recorded_and_the_others_go_on(tmp_path: Path):
    def unknown() -> Objective:
        return objective("contrastive", "triplet_margin", radius=1.0)

    table = {"new": {"miner": unknown}, "loss": {"contrastive": lambda: objective("contrastive")}}
    figures = measure_objectives(tmp_path, toy=True, table=table)
    assert figures["verdict"] == DIFFERS
    assert figures["differ"] == ["new: miner"]
    assert [case["verdict"] for case in figures["cases"]] == [FAILED, AGREES]
    assert "radius" in figures["cases"][0]["error"]


def test_the_network_agrees_and_bfloat16_is_told_from_float32(tmp_path: Path):
    figures = measure(tmp_path / "none.npz", tmp_path, toy=True, part="network")
    assert figures["verdict"] == AGREES
    beside_cpu, _, bfloat16, again = figures["cases"]
    assert 0 < beside_cpu["gradient_error"] < 1e-4
    assert 1e-3 < bfloat16["gradient_error"] < 0.1
    assert 0.99 < bfloat16["gradient_cosine"] < 1
    assert again["gradient_error"] == 0
    json.dumps(figures, allow_nan=False)


def test_an_unknown_part_is_told(tmp_path: Path):
    with pytest.raises(UserError, match=r"part is 'head'.*objectives, network, cascade"):
        measure(tmp_path, tmp_path, toy=True, part="head")


def step(loss: float = 1.0, large: float = 2.0, small: float = 1e-3, kept: float = 1.0) -> Recorded:
    gradients = {"large": np.array([large, 1.0], np.float32), "small": np.array(small, np.float32)}
    return Recorded(loss, gradients, {"scale": np.array(kept)}, {})


STRICT = Tolerance(loss=1e-4, gradient=1e-4, parameter=1e-3, kept=1e-4, ties=True)
RIGHT, NEAR = step(), step(loss=1.01, large=2.1)


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        ([RIGHT, RIGHT, RIGHT], AGREES),
        ([RIGHT, NEAR, RIGHT], TIES),
        ([RIGHT, NEAR, NEAR], DIFFERS),
        ([RIGHT, RIGHT, step(large=8.0)], DIFFERS),
        ([RIGHT, RIGHT, step(loss=2.0)], DIFFERS),
        ([RIGHT, RIGHT, step(large=np.nan)], DIFFERS),
        ([RIGHT, RIGHT, step(loss=np.nan)], DIFFERS),
        ([step(small=2e-3)] * 3, DIFFERS),
        ([step(kept=1.01)] * 3, DIFFERS),
        ([RIGHT, NEAR], DIFFERS),
    ],
)
def test_one_deviating_batch_of_three_may_be_ties_and_nothing_else(found: list[Recorded], verdict: str):
    case, steps = compare_steps([RIGHT] * len(found), found, STRICT)
    assert case["verdict"] == verdict
    assert len(steps) == len(found)
    json.dumps(finite(steps), allow_nan=False)


def test_without_ties_one_deviating_batch_is_a_fault():
    strict = dataclasses.replace(STRICT, ties=False)
    assert compare_steps([RIGHT] * 3, [RIGHT, NEAR, RIGHT], strict)[0]["verdict"] == DIFFERS


def test_no_gradient_at_all_is_no_agreement():
    nothing = Recorded(0.0, {"kernel": np.zeros(3)}, {}, {})
    assert compare_steps([nothing] * 3, [nothing] * 3, STRICT)[0]["verdict"] == DIFFERS


def test_errors_are_relative_to_the_reference():
    found = errors(
        step(), Recorded(1.5, {"large": np.array([2.0, 3.0]), "small": np.array(1e-3)}, {"scale": np.array(1.1)}, {})
    )
    assert found["loss_error"] == pytest.approx(0.5)
    assert found["gradient_error"] == pytest.approx(2 / np.sqrt(5), rel=1e-4)
    assert found["gradient_cosine"] == pytest.approx(7 / np.sqrt(5 * 13), rel=1e-4)
    assert found["worst_parameter"] == "large"
    assert found["largest_element_error"] == pytest.approx(1.0)
    assert found["kept_error"] == pytest.approx(0.1)


def test_parameters_of_another_name_are_no_comparison():
    with pytest.raises(ValueError, match="small"):
        errors(step(), Recorded(1.0, {"large": np.ones(2)}, {"scale": np.array(1.0)}, {}))
