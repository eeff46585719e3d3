"""Calibration of a split, its file, and the decisions by it."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from lfw_jax.errors import UserError
from lfw_jax.evaluation.calibration.calibrate import FittedCalibrations, evaluate_calibration, fit, fitting_role
from lfw_jax.evaluation.calibration.decision import (
    SCHEMA,
    SavedCalibration,
    VerificationRule,
    read_calibration,
    write_calibration,
)
from lfw_jax.evaluation.calibration.impostors import all_impostors
from lfw_jax.evaluation.calibration.likelihood_ratio import LogisticCalibration
from lfw_jax.evaluation.evaluated_split import EvaluatedSplit
from lfw_jax.evaluation.run_metrics import Views
from tests.evaluation.calibration.small_splits import embedded, small_split


@pytest.fixture(scope="module")
def split() -> EvaluatedSplit:
    return small_split(
        {
            "test": embedded("test", 30, 4, seed=1),
            "development": embedded("development", 5, 4, seed=2),
            "held_out": embedded("held-out identities", 25, 4, seed=3),
        }
    )


def saved_calibration(split: EvaluatedSplit, target_rate: float = 0.02) -> SavedCalibration:
    fitted = fit(split.scores[fitting_role(split)])
    result = evaluate_calibration(split, fitted, target_rate=target_rate, seed=0)
    return SavedCalibration(SCHEMA, "best", 12, Views(flip=True, shift=3), fitted, result)


def rule_of(path: Path) -> VerificationRule:
    return VerificationRule.of(read_calibration(path), str(path))


@pytest.fixture(scope="module")
def saved(split: EvaluatedSplit) -> SavedCalibration:
    return saved_calibration(split)


def test_calibrations_are_fitted_on_held_out_identities_and_evaluated_on_test_pairs(split, saved):
    result = saved.result
    assert (result.fitted_on, result.evaluated_on) == ("held-out identities", "test")
    assert result.comparisons == 25 * 24 // 2 * 16
    assert result.identities == 25
    without = dataclasses.replace(split, scores={k: v for k, v in split.scores.items() if k != "held_out"})
    assert fitting_role(without) == "development"
    logistic, isotonic = result.methods
    assert (logistic.method, isotonic.method) == ("logistic", "isotonic")
    assert result.min_cllr <= min(logistic.cllr, isotonic.cllr)
    assert max(logistic.cllr, isotonic.cllr) < 1


def test_thresholds_fall_with_the_rate_and_their_rates_are_measured_on_test_images(split, saved):
    thresholds = saved.result.thresholds
    assert [one.chosen.target_rate for one in thresholds] == [0.1, 0.02, 0.01, 0.001]  # 3 / 4800 is above 1e-4
    values = [one.chosen.threshold for one in thresholds]
    assert values == sorted(values, reverse=True)
    test = split.scores["test"]
    impostors = all_impostors(split.images["test"])
    for one in thresholds:
        limit = one.chosen.threshold
        assert one.false_match_rate == np.mean(impostors.distances < limit)
        assert one.false_non_match_rate == pytest.approx(np.mean(test.distances[test.same] >= limit))
        assert one.chosen.threshold_interval[0] <= limit <= one.chosen.threshold_interval[1]


def test_the_file_keeps_every_value(saved, tmp_path: Path):
    path = tmp_path / "calibration.json"
    write_calibration(path, saved)
    assert read_calibration(path) == saved
    write_calibration(path, saved)  # an older one is replaced


def test_decisions_follow_the_saved_threshold_and_calibration(saved, tmp_path: Path):
    write_calibration(tmp_path / "calibration.json", saved)
    rule = rule_of(tmp_path / "calibration.json")
    limit = saved.result.threshold().chosen.threshold
    near, at, far = rule.decide(np.array([0.1, limit, 1.9]), prior=0.2)
    assert [near.same, at.same, far.same] == [True, False, False]  # below, as in every evaluation
    assert near.target_rate == 0.02
    assert near.threshold == limit
    logistic = saved.fitted.logistic
    ratio = logistic.offset + logistic.slope * 0.1
    assert near.log_likelihood_ratio == pytest.approx(ratio)
    assert near.probability == pytest.approx(0.2 * np.exp(ratio) / (0.2 * np.exp(ratio) + 0.8))
    assert near.probability > at.probability > far.probability
    assert near.false_match_rate_interval == saved.result.threshold().false_match_rate_interval
    for broken in (np.array([np.nan]), np.zeros((2, 2))):
        with pytest.raises(ValueError, match="expected finite distances"):
            rule.decide(broken)


def test_a_rate_that_is_not_supported_is_refused_when_deciding(split, tmp_path: Path):
    write_calibration(tmp_path / "calibration.json", saved_calibration(split, target_rate=1e-5))
    with pytest.raises(
        UserError, match=r"no threshold for the false match rate 1e-05: 4,800 comparisons.*support rates of 0\.00063"
    ):
        rule_of(tmp_path / "calibration.json")


def damaged(path: Path, change) -> Path:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content.update(schema=0), "found schema version 0, expected 1"),
        (lambda content: content.pop("fitted"), "found no key fitted"),
        (lambda content: content["fitted"]["logistic"].update(slope="steep"), 'slope is "steep", expected a number'),
        (lambda content: content["fitted"]["logistic"].update(slope=2.0), "rise with the distance"),
        (lambda content: content["fitted"]["logistic"].update(offset=float("nan")), "not finite"),
        (lambda content: content["fitted"]["isotonic"]["distances"].reverse(), "rise with the distance"),
        (lambda content: content["fitted"]["isotonic"]["distances"].pop(), "rise with the distance"),
    ],
)
def test_a_damaged_file_is_named_with_its_fault_and_the_remedy(saved, tmp_path: Path, change, message: str):
    path = tmp_path / "calibration.json"
    write_calibration(path, saved)
    with pytest.raises(UserError, match=f"calibration.json.*{message}.*--mode=evaluate"):
        read_calibration(damaged(path, change))


def test_a_file_that_is_missing_or_not_json_is_named_with_the_remedy(tmp_path: Path):
    path = tmp_path / "calibration.json"
    with pytest.raises(UserError, match=r"calibration.json: found no such file.*--mode=evaluate"):
        read_calibration(path)
    path.write_text("{")
    with pytest.raises(UserError, match=r"cannot be read as JSON.*--mode=evaluate"):
        read_calibration(path)


def test_a_split_without_evidence_is_calibrated_to_none(split, tmp_path: Path):
    """A collapsed network: every decision is possible, and none says anything."""
    flat = {
        role: dataclasses.replace(images, embeddings=np.ones_like(images.embeddings))
        for role, images in split.images.items()
    }
    collapsed = small_split(flat)
    saved = saved_calibration(collapsed)
    assert saved.fitted == FittedCalibrations(LogisticCalibration(0.0, 0.0), saved.fitted.isotonic)
    assert [one.cllr for one in saved.result.methods] == pytest.approx([1.0, 1.0])
    write_calibration(tmp_path / "calibration.json", saved)
    (decision,) = rule_of(tmp_path / "calibration.json").decide(np.array([0.0]))
    assert not decision.same
    assert decision.probability == 0.5
