"""The charts of a comparison show every run, on one scale, with few points."""

import numpy as np
import pytest

from lfw_jax.evaluation.roc import roc_auc
from lfw_jax.evaluation.scores import ScoredPairs
from lfw_jax.report.comparison.charts import ROLES, det_chart, distance_charts, roc_chart, run_roles, training_charts
from lfw_jax.training.history import HistoryRow

RNG = np.random.default_rng(0)
SAME = np.arange(20_000) % 2 == 0
PAIRS = {
    name: ScoredPairs("test", RNG.normal(1.0, 0.2, len(SAME)) + gap * ~SAME, SAME)
    for name, gap in (("weak", 0.1), ("strong", 0.6))
}


def test_thinned_roc_curves_keep_their_area():
    chart = roc_chart(PAIRS)
    assert [series.name for series in chart.series] == ["weak", "strong"]
    for series in chart.series:
        assert len(series.x) <= 600
        pairs = PAIRS[series.name]
        assert np.trapezoid(series.y, series.x) == pytest.approx(roc_auc(pairs.distances, pairs.same), abs=1e-3)


def test_det_curves_have_no_point_without_a_normal_deviate():
    chart = det_chart(PAIRS)
    for series in chart.series:
        rates = np.array([series.x, series.y])
        assert np.all((rates > 0) & (rates < 1))
        assert np.all(np.diff(series.y) <= 0)
    assert (chart.x.scale, chart.x.limits) == ("normal", chart.y.limits)


def test_a_perfect_run_has_an_empty_det_curve():
    pairs = {"perfect": ScoredPairs("test", np.array([0.5, 1.5]), np.array([True, False]))}
    (series,) = det_chart(pairs).series
    assert list(series.x) == []


def test_histograms_share_their_bins_and_sum_to_one():
    charts = distance_charts(PAIRS, {"weak": 1.1, "strong": 1.3})
    assert [chart.verticals for chart in charts] == [[("threshold", 1.1)], [("threshold", 1.3)]]
    assert len({chart.key for chart in charts}) == 2
    for chart in charts:
        assert list(chart.series[0].x) == list(charts[0].series[0].x)
        for series in chart.series:
            assert sum(series.y) == pytest.approx(1)


def test_training_curves_have_what_the_histories_have():
    rows = [HistoryRow(step, epoch=step / 100, loss=float(step)) for step in range(1, 2001)]
    validated = [*rows, HistoryRow(2000, epoch=20.0, validation_accuracy=0.75)]
    accuracy, loss = training_charts({"a": rows, "b": validated, "c": []})
    assert [(series.name, list(series.x), list(series.y)) for series in accuracy.series] == [("b", [20.0], [0.75])]
    assert [series.name for series in loss.series] == ["a", "b"]
    assert len(loss.series[0].x) <= 600
    np.testing.assert_allclose(loss.series[0].y, 100 * np.asarray(loss.series[0].x))
    assert training_charts({"c": []}) == []


def test_a_run_has_one_colour_in_all_charts_and_those_beyond_the_colours_are_muted():
    roles = run_roles([f"run{index}" for index in range(9)])
    assert len(set(roles.values())) == len(ROLES) + 1
    assert roles["run8"] == "muted"
    assert roc_chart(PAIRS).series[1].role == det_chart(PAIRS).series[1].role == "second"
