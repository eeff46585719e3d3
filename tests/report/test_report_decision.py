"""Decisions in words."""

from pathlib import Path

import pytest

from lfw_jax.evaluation.calibration.decision import Decision
from lfw_jax.evaluation.calibration.operating_threshold import OperatingThreshold
from lfw_jax.evaluation.calibration.results import EvaluatedThreshold
from lfw_jax.report.decision_text import decision_lines, threshold_lines

PAIR = (Path("a.jpg"), Path("b.jpg"))


def decision(*, same: bool, probability: float) -> Decision:
    return Decision(same, 0.712, 3.584, probability, 0.5, 0.875, 0.001, 0.0063, (0.0041, 0.0091))


def threshold(rate: float, interval: tuple[float, float]) -> EvaluatedThreshold:
    chosen = OperatingThreshold(0.001, 0.875, (0.84, 1.01), 0.0008, (0.0, 0.003))
    return EvaluatedThreshold(chosen, rate, interval, 0.496, (0.45, 0.54))


def test_a_decision_names_the_images_and_its_reasons():
    assert decision_lines(PAIR, decision(same=True, probability=0.9728)) == [
        "a.jpg and b.jpg: the same identity",
        "  distance 0.712, below the threshold 0.875",
        "  probability of one identity 97.3 % at a prior of 50.0 %",
        "  log-likelihood ratio +3.58",
    ]
    other = decision_lines(PAIR, decision(same=False, probability=0.2))
    assert other[0] == "a.jpg and b.jpg: different identities"
    assert "not below the threshold" in other[1]


@pytest.mark.parametrize(
    ("probability", "text"), [(0.99996, "above 99.9 %"), (0.00001, "below 0.1 %"), (0.5, "50.0 %")]
)
def test_no_probability_is_stated_as_certain(probability: float, text: str):
    assert f"one identity {text} at" in decision_lines(PAIR, decision(same=True, probability=probability))[2]


def test_the_rates_to_expect_fit_the_terminal():
    text = " ".join(threshold_lines(threshold(0.0063, (0.0041, 0.0091))))
    assert "chosen for a false match rate (FMR) of 0.1 %" in text
    assert "1 false match in 159 comparisons of different identities (FMR 0.63 %, 95 % interval 0.41–0.91 %)" in text
    assert "rejects 49.6 % of the pairs of one identity" in text
    none = threshold_lines(threshold(0.0, (0.0, 0.000123)))
    assert "no false match among the comparisons of different identities" in " ".join(none)
    assert max(map(len, none + threshold_lines(threshold(1.23e-6, (1.23e-7, 4.56e-6))))) <= 80
