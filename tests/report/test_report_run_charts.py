"""The charts of a run: each number of the histogram, the ROC curve and the training history."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from lfw_jax.evaluation.roc import roc_points
from lfw_jax.evaluation.scores import ScoredPairs
from lfw_jax.report.run_charts import distance_chart, distance_edges, roc_chart, training_charts
from lfw_jax.training.history import HistoryRow


def pairs(count=400, seed=0):
    generator = np.random.default_rng(seed)
    same = np.arange(count) % 2 == 0
    return ScoredPairs("pairs", generator.normal(np.where(same, 0.8, 1.3), 0.2).clip(0, 2), same)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 4), st.booleans()), max_size=50))
def test_the_histogram_counts_every_pair_once(rows):
    rows = [*rows, (0.5, True), (0.5, False)]
    distances, same = np.array([d for d, _ in rows]), np.array([s for _, s in rows])
    chart = distance_chart(ScoredPairs("pairs", distances, same), {"t": 1.0})
    assert [sum(series.y) for series in chart.series] == [same.sum(), (~same).sum()]
    assert chart.x.limits == (0.0, max(2.0, distances.max()))
    assert chart.verticals == [("t", 1.0)]


def test_the_histogram_puts_pairs_in_the_right_bar():
    given_pairs = ScoredPairs("pairs", [0.51, 0.51, 1.99, 0.5], [True, True, False, False])
    same, different = distance_chart(given_pairs, {}).series
    assert (same.y[20], different.y[20], different.y[79]) == (2, 1, 1)
    assert distance_edges(given_pairs)[20] == 0.5


def test_the_roc_chart_has_the_exact_points_and_its_title_the_area():
    given_pairs = pairs(2000)
    chart = roc_chart(given_pairs)
    points = np.stack(roc_points(given_pairs.distances, given_pairs.same))
    np.testing.assert_array_equal([chart.series[0].x, chart.series[0].y], points)
    assert f"{roc_auc_score(given_pairs.same, -given_pairs.distances):.4f}" in chart.title


def test_training_charts_have_the_history_and_name_the_best_step():
    history = [
        HistoryRow(
            10 * i, epoch=i / 2, loss=5.0 / i, learning_rate=0.1 * i, validation_accuracy={4: 0.9, 8: 0.8}.get(i)
        )
        for i in range(1, 9)
    ]
    loss, accuracy, rate = training_charts(history)
    assert list(zip(loss.series[0].x, loss.series[0].y, strict=True)) == [(row.step, row.loss) for row in history]
    assert list(rate.series[0].y) == [row.learning_rate for row in history]
    assert list(zip(accuracy.series[0].x, accuracy.series[0].y, strict=True)) == [(40, 0.9), (80, 0.8)]
    assert accuracy.title == "Validation accuracy: best 90.0 % at step 40"
    assert loss.x.limits == (0.0, 80.0)


def test_a_long_loss_is_smoothed_by_its_windowed_mean_and_survives_nan():
    history = [HistoryRow(i, loss=float("nan") if i == 151 else float(i)) for i in range(1, 201)]
    [chart] = training_charts(history)
    raw, mean = chart.series
    assert len(raw.y) == 200
    assert mean.x[0] == mean.y[0] == 3
    assert np.isnan(mean.y).sum() == 5


def test_an_empty_history_is_refused():
    with pytest.raises(ValueError, match="no entry"):
        training_charts([HistoryRow(1)])
