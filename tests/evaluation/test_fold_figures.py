"""What is printed for ten folds: the standard error that LFW asks for, and the figures of other projects, labelled."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import KFold

from lfw_jax.evaluation.fold_figures import fold_figures, insightface_figures
from lfw_jax.evaluation.scores import ScoredPairs
from lfw_jax.evaluation.verification import verify_folds


def test_the_standard_error_is_of_the_mean_and_the_population_std_is_not():
    accuracies = [0.9, 0.92, 0.88, 0.94, 0.86]
    figures = fold_figures("accuracy", accuracies, [1.0] * 5)
    assert figures.mean == pytest.approx(0.9)
    assert figures.population_std == pytest.approx(0.0282843, abs=1e-7)
    assert figures.standard_error == pytest.approx(0.0316228 / 5**0.5, abs=1e-7)
    assert figures.thresholds == (1.0,) * 5


@pytest.mark.parametrize(("accuracies", "thresholds"), [([0.9], [1.0]), ([0.9, 0.8], [1.0]), ([], [])])
def test_one_fold_has_no_standard_error(accuracies, thresholds):
    with pytest.raises(ValueError, match="two folds or more"):
        fold_figures("accuracy", accuracies, thresholds)


def written_out(distances: np.ndarray, same: np.ndarray) -> tuple[float, float]:
    """InsightFace's protocol as it is described, one threshold and one pair at a time."""
    thresholds = np.arange(0, 4, 0.01)
    accuracies = []
    for train, test in KFold(n_splits=10, shuffle=False).split(distances):
        scores = [np.mean((distances[train] ** 2 < t) == same[train]) for t in thresholds]
        best = thresholds[np.argmax(scores)]
        accuracies.append(np.mean((distances[test] ** 2 < best) == same[test]))
    return float(np.mean(accuracies)), float(np.std(accuracies))


@settings(max_examples=15)
@given(st.integers(0, 1000), st.integers(10, 90))
def test_insightface_figures_are_those_of_its_protocol_written_out(seed: int, pairs: int):
    rng = np.random.default_rng(seed)
    same = rng.random(pairs) < 0.5
    distances = np.round(rng.uniform(0, 2, pairs), 2)  # so that distances fall on thresholds, too
    found = insightface_figures(distances, same)
    assert found is not None
    assert (found.mean, found.population_std) == pytest.approx(written_out(distances, same), abs=1e-12)


def test_fewer_than_ten_pairs_have_no_such_figure():
    assert insightface_figures(np.ones(9), np.arange(9) % 2 == 0) is None


def test_the_folds_of_a_list_appear_beside_the_protocol():
    rng = np.random.default_rng(0)
    same = np.arange(600) % 2 == 0
    distances = rng.normal(1.0, 0.2, 600) + 0.3 * ~same
    metrics = verify_folds(ScoredPairs("pairs", distances, same, folds=np.arange(600) // 60)).metrics
    assert metrics.insightface == insightface_figures(distances, same)
    assert metrics.insightface is not None
    assert metrics.folds is not None
    # The same folds; thresholds from a grid instead of exact ones move the mean by a pair or two per fold.
    assert metrics.insightface.mean == pytest.approx(metrics.folds.mean, abs=0.03)
    assert metrics.folds.standard_error == pytest.approx(metrics.folds.population_std / 3)
