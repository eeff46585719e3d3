"""Calibration in words, on the page and on the terminal."""

import dataclasses

import pytest

from lfw_jax.evaluation.calibration.calibrate import evaluate_calibration, fit
from lfw_jax.evaluation.calibration.normalise import evaluate_normalisation
from lfw_jax.evaluation.calibration.results import CalibrationResult, EvaluatedThreshold, ScoreNormalisationResult
from lfw_jax.report.calibration_section import (
    calibration_lines,
    calibration_sections,
    rate_text,
    reliability_chart,
)
from tests.evaluation.calibration.small_splits import embedded, small_split


@pytest.fixture(scope="module")
def results() -> tuple[CalibrationResult, ScoreNormalisationResult]:
    split = small_split(
        {"test": embedded("test", 20, 3, seed=1), "held_out": embedded("held-out identities", 20, 3, seed=2)}
    )
    calibration = evaluate_calibration(split, fit(split.scores["held_out"]), target_rate=0.02, seed=0)
    return calibration, evaluate_normalisation(split, embedded("cohort", 30, 2, seed=3), seed=0)


def with_rate(calibration: CalibrationResult, rate: float, interval: tuple[float, float]) -> CalibrationResult:
    def changed(one: EvaluatedThreshold) -> EvaluatedThreshold:
        return dataclasses.replace(one, false_match_rate=rate, false_match_rate_interval=interval)

    return dataclasses.replace(calibration, thresholds=tuple(map(changed, calibration.thresholds)))


def test_the_target_threshold_is_stated_in_words(results):
    calibration, _ = results
    text = calibration_sections(with_rate(calibration, 0.025, (0.01, 0.05)), None)[0].text
    assert "1 false match in 40 comparisons of different identities (FMR 2.5 %, 95 % interval 1–5 %)" in text
    assert "support no FMR below 0.18 %" in text
    assert "than the target" not in text
    more = calibration_sections(with_rate(calibration, 0.05, (0.03, 0.07)), None)[0].text
    assert "This is more than the target" in more
    less = calibration_sections(with_rate(calibration, 0.0, (0.0, 0.001)), None)[0].text
    assert "have no false match of different identities" in less
    assert "This is less than the target" in less


def test_few_pairs_of_identities_are_named(results):
    calibration, _ = results
    assert "pairs of identities, too few" not in calibration_sections(calibration, None)[0].text
    few = dataclasses.replace(calibration, identities=9)
    assert "9 identities form only 36 pairs of identities, too few" in calibration_sections(few, None)[0].text


def test_a_rate_without_threshold_is_explained(results):
    calibration, _ = results
    without = dataclasses.replace(calibration, target_rate=1e-6)
    text = calibration_sections(without, None)[0].text
    assert "For the target FMR of 0.0001 % there is no threshold: the comparisons support 0.18 % and above" in text
    assert any("rule of three" in line for line in calibration_lines(without, None))
    nothing = dataclasses.replace(without, thresholds=())
    assert calibration_sections(nothing, None)[0].table is None


def test_tables_have_one_row_per_threshold_calibration_and_score(results):
    calibration, normalisation = results
    thresholds, quality, scores = calibration_sections(calibration, normalisation)
    assert [row[0] for row in thresholds.table or ()] == ["Target FMR", "10 %", "2 %", "1 %"]
    assert [row[0] for row in quality.table or ()] == ["Calibration", "logistic", "isotonic"]
    assert [row[0] for row in scores.table or ()] == ["Scores", "plain", "AS-norm"]
    assert {len(row) for row in scores.table or ()} == {3 + len(normalisation.before.rates)}
    assert calibration_sections(None, None) == []


def test_the_reliability_plot_has_every_bin_with_its_interval(results):
    calibration, _ = results
    chart = reliability_chart(calibration)
    assert chart.diagonal
    for series, method in zip(chart.series, calibration.methods, strict=True):
        assert series.name == method.method
        assert list(series.x) == [one.mean_probability for one in method.bins]
        assert list(series.y) == [one.same_share for one in method.bins]
        assert list(zip(series.low or (), series.high or (), strict=True)) == [one.interval for one in method.bins]


def test_lines_fit_the_terminal(results):
    calibration, normalisation = results
    extreme = with_rate(calibration, 0.000123, (0.0000123, 0.000456))
    large = dataclasses.replace(
        extreme, comparisons=123_456, identities=1_234, target_rate=1.3e-7, smallest_rate=2.4e-5
    )
    for one in (calibration, extreme, large):
        lines = calibration_lines(one, normalisation)
        assert len(lines) == 4
        assert max(map(len, lines)) <= 80, lines
    assert calibration_lines(None, None) == []


@pytest.mark.parametrize(
    ("rate", "text"), [(0.1, "10 %"), (0.001, "0.1 %"), (0.00083333, "0.083 %"), (1.2e-7, "0.000012 %"), (0.0, "0 %")]
)
def test_rates_have_two_significant_digits(rate: float, text: str):
    assert rate_text(rate) == text
