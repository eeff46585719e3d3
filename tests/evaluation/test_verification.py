import json
import math

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn import metrics

from lfw_jax.errors import UserError
from lfw_jax.evaluation import thresholds, verification
from lfw_jax.evaluation.scores import ScoredPairs
from lfw_jax.typed_json import to_json


def sampled(seed: int, pairs: int, gap: float = 0.3, *, name: str = "test", folds: np.ndarray | None = None):
    """Half same, half different pairs; the different ones lie farther by `gap`."""
    rng = np.random.default_rng(seed)
    same = np.arange(pairs) % 2 == 0
    return ScoredPairs(name, rng.normal(1.0, 0.2, pairs) + gap * ~same, same, folds=folds)


def folded(seed: int = 3, pairs: int = 600, folds: np.ndarray | None = None) -> ScoredPairs:
    return sampled(seed, pairs, name="pairs", folds=np.arange(pairs) // 60 if folds is None else folds)


def test_thresholds_come_from_the_development_pairs_and_scores_from_the_others():
    test, development = sampled(0, 400), sampled(1, 600, gap=0.5, name="development")
    result = verification.verify(test, development)
    by_accuracy, by_f1 = result.metrics.thresholds
    assert by_accuracy.threshold == thresholds.best_accuracy(development.distances, development.same)
    assert by_f1.threshold == thresholds.best_f1(development.distances, development.same)
    for chosen in result.metrics.thresholds:
        assert chosen.chosen_on == "development"
        accepted = test.distances < chosen.threshold
        assert chosen.accuracy == np.mean(accepted == test.same)
        assert math.isclose(chosen.f1, metrics.f1_score(test.same, accepted))
        assert chosen.accuracy_interval == thresholds.wilson_interval(int(np.sum(accepted == test.same)), 400)
    assert np.array_equal(result.pairs.distances, test.distances)
    assert np.array_equal(result.pairs.same, test.same)
    assert result.pairs is test


def test_the_result_is_exactly_the_agreed_json():
    test = sampled(0, 100)
    distances, same = test.distances, test.same
    result = verification.verify(test, sampled(1, 100, name="development"))
    summary = to_json(result.metrics)
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    assert list(summary) == [
        "list",
        "pairs",
        "same_pairs",
        "auc",
        "positive_distance_mean",
        "negative_distance_mean",
        "thresholds",
        "held_out_threshold",
        "folds",
        "insightface",
        "true_accept_rates",
        "error_rates",
    ]
    assert (summary["list"], summary["pairs"], summary["same_pairs"], summary["folds"]) == ("test", 100, 50, None)
    assert math.isclose(summary["auc"], metrics.roc_auc_score(same, -distances))
    assert math.isclose(summary["positive_distance_mean"], distances[same].mean())
    assert math.isclose(summary["negative_distance_mean"], distances[~same].mean())
    assert [threshold["rule"] for threshold in summary["thresholds"]] == ["accuracy", "f1"]
    assert list(summary["thresholds"][0]) == [
        "rule",
        "threshold",
        "chosen_on",
        "accuracy",
        "accuracy_interval",
        "f1",
        "precision",
        "recall",
        "false_accept_rate",
        "false_reject_rate",
    ]
    assert list(summary["true_accept_rates"][0]) == ["false_accept_rate", "true_accept_rate", "threshold"]


def test_a_threshold_of_held_out_identities_is_one_more():
    held_out = sampled(2, 60, name="held out")
    before = verification.verify(sampled(0, 100), sampled(1, 80, name="development"))
    assert before.metrics.held_out_threshold is None
    after = verification.with_held_out_threshold(before, held_out)
    assert after.metrics.thresholds == before.metrics.thresholds
    found = after.metrics.held_out_threshold
    assert found is not None
    threshold = thresholds.best_accuracy(held_out.distances, held_out.same)
    assert (found.rule, found.chosen_on, found.threshold) == ("accuracy", "held out", threshold)
    assert found.accuracy == np.mean((before.pairs.distances < threshold) == before.pairs.same)
    with pytest.raises(ValueError, match="must not be chosen on the pairs that it is evaluated on"):
        verification.with_held_out_threshold(before, sampled(2, 60, name="test"))
    with pytest.raises(UserError, match="not finite"):
        verification.with_held_out_threshold(
            before, ScoredPairs("held out", held_out.distances * np.nan, held_out.same)
        )


def test_choosing_a_threshold_on_the_evaluated_pairs_is_refused():
    words = "must not be chosen on the pairs that it is evaluated on"
    with pytest.raises(ValueError, match=words):
        verification.verify(sampled(0, 100), sampled(0, 100, name="development"))
    with pytest.raises(ValueError, match=words):
        verification.verify(sampled(0, 100), sampled(1, 100, name="test"))


def test_a_collapsed_model_is_at_chance():
    same = np.arange(20) % 2 == 0
    result = verification.verify(
        ScoredPairs("test", np.zeros(20), same), ScoredPairs("development", np.zeros(20), same)
    )
    assert result.metrics.auc == 0.5
    assert result.metrics.by_rule("accuracy").accuracy == 0.5


def test_distances_that_are_not_finite_are_counted_in_words():
    pairs = sampled(0, 100)
    distances = pairs.distances.copy()
    distances[[7, 20]] = np.nan, np.inf
    words = r"2 of 100 distances are not finite, the first at pair 8.*earlier checkpoint"
    with pytest.raises(UserError, match=f"development: {words}"):
        verification.verify(pairs, ScoredPairs("development", distances, pairs.same))
    with pytest.raises(UserError, match=f"pairs: {words}"):
        verification.verify_folds(ScoredPairs("pairs", distances, pairs.same, folds=np.arange(100) // 10))


@pytest.mark.parametrize("kind", [True, False])
def test_a_list_of_one_kind_is_refused(kind):
    with pytest.raises(UserError, match="at least one of each"):
        verification.verify(sampled(0, 100), ScoredPairs("development", np.linspace(0, 1, 10), np.full(10, kind)))


def test_arrays_of_unequal_length_are_refused():
    with pytest.raises(ValueError, match=r"development: expected same of shape \(10,\), found \(9,\)"):
        verification.verify(sampled(0, 100), ScoredPairs("development", np.linspace(0, 1, 10), np.ones(9, bool)))
    with pytest.raises(ValueError, match=r"expected folds of shape \(10,\), found \(9,\)"):
        verification.verify_folds(sampled(0, 10, folds=np.zeros(9, int)))


def test_pairs_without_folds_have_no_cross_validation():
    with pytest.raises(ValueError, match="expected the fold of each pair, found none"):
        verification.verify_folds(sampled(0, 10))


def test_each_fold_is_evaluated_at_the_threshold_of_the_others():
    folds = np.random.default_rng(0).permutation(np.arange(600) % 10) + 5
    pairs = folded(folds=folds)
    distances, same = pairs.distances, pairs.same
    result = verification.verify_folds(pairs)
    assert result.metrics.folds is not None
    for place, label in enumerate(range(5, 15)):
        inside = folds == label
        threshold = thresholds.best_accuracy(distances[~inside], same[~inside])
        assert result.metrics.folds.thresholds[place] == threshold
        assert result.metrics.folds.accuracies[place] == np.mean((distances[inside] < threshold) == same[inside])
    assert math.isclose(result.metrics.auc, metrics.roc_auc_score(same, -distances))


def test_the_standard_error_and_the_population_deviation_are_told_apart():
    summary = to_json(verification.verify_folds(folded()).metrics.folds)
    accuracies = summary["accuracies"]
    mean = sum(accuracies) / 10
    squares = sum((accuracy - mean) ** 2 for accuracy in accuracies)
    assert summary["rule"] == "accuracy"
    assert math.isclose(summary["mean"], mean)
    assert math.isclose(summary["standard_error"], math.sqrt(squares / 9) / math.sqrt(10))
    assert math.isclose(summary["population_std"], math.sqrt(squares / 10))
    assert math.isclose(summary["population_std"], summary["standard_error"] * 3)  # sqrt(10) · sqrt(9 / 10)
    assert list(summary) == ["rule", "accuracies", "thresholds", "mean", "standard_error", "population_std"]
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary


def test_the_scores_over_all_folds_count_every_pair_by_its_own_threshold():
    pairs = folded()
    distances = pairs.distances.copy()
    distances[:60] += 0.5  # this fold's own threshold would differ
    result = verification.verify_folds(ScoredPairs("pairs", distances, pairs.same, folds=pairs.folds))
    assert result.metrics.folds is not None
    by_accuracy, by_f1 = result.metrics.thresholds
    accepted = distances < np.repeat(result.metrics.folds.thresholds, 60)
    assert math.isclose(by_accuracy.accuracy, result.metrics.folds.mean)  # folds of one size
    assert math.isclose(by_accuracy.f1, metrics.f1_score(pairs.same, accepted))
    assert math.isclose(by_accuracy.threshold, np.mean(result.metrics.folds.thresholds))
    assert by_accuracy.chosen_on == by_f1.chosen_on == "the other folds of pairs (mean of 10 thresholds)"
    assert by_f1.rule == "f1"


def test_one_fold_is_not_enough():
    with pytest.raises(UserError, match="found 1 fold, expected at least 2"):
        verification.verify_folds(sampled(0, 10, folds=np.zeros(10, int)))


@settings(deadline=None)
@given(hnp.arrays(np.float32, (6, 4), elements=st.floats(-10, 10, width=32)), st.floats(1e-3, 1e3))
def test_pair_distances_are_chords_between_directions(embeddings, factor):
    embeddings[:, 0] = np.where(np.abs(embeddings).max(axis=1) < 1e-3, 1.0, embeddings[:, 0])
    first, second = np.asarray([0, 1, 2, 3, 0]), np.asarray([3, 4, 5, 3, 5])
    distances = verification.pair_distances(embeddings, first, second)
    cosine = metrics.pairwise.cosine_similarity(embeddings.astype(np.float64))[first, second]
    rescaled = verification.pair_distances(embeddings * np.float64(factor), first, second)
    assert distances.dtype == np.float64
    np.testing.assert_allclose(distances**2, 2 - 2 * cosine, atol=1e-9)
    np.testing.assert_allclose(distances, rescaled, atol=1e-9)
    assert distances[3] == 0
    assert distances.max() <= 2 + 1e-12


def test_an_embedding_of_zeros_stays_finite():
    embeddings = np.asarray([[0.0, 0.0], [0.0, 0.0], [3.0, 4.0]], dtype=np.float32)
    distances = verification.pair_distances(embeddings, np.asarray([0, 0]), np.asarray([1, 2]))
    assert distances.tolist() == [0.0, 1.0]


@pytest.mark.parametrize("length", [1e-300, 1e300])
def test_tiny_and_huge_embeddings_keep_their_direction(length):
    embeddings = np.asarray([[length, 0.0], [0.0, length]])
    assert verification.pair_distances(embeddings, np.asarray([0]), np.asarray([1])) == pytest.approx(math.sqrt(2))


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_a_broken_embedding_breaks_its_own_distances_only(broken):
    embeddings = np.asarray([[broken, 1.0], [1.0, 0.0], [0.0, 1.0]])
    distances = verification.pair_distances(embeddings, np.asarray([0, 1]), np.asarray([1, 2]))
    assert np.isfinite(distances).tolist() == [False, True]


def test_jax_arrays_of_low_precision_are_taken():
    embeddings = jnp.asarray([[1, 0], [0, 1]], dtype=jnp.bfloat16)
    assert verification.pair_distances(embeddings, jnp.asarray([0]), jnp.asarray([1])) == pytest.approx(math.sqrt(2))


def test_long_lists_are_worked_through_block_by_block(monkeypatch):
    rng = np.random.default_rng(0)
    embeddings, first, second = rng.normal(size=(9, 3)), rng.integers(9, size=25), rng.integers(9, size=25)
    whole = verification.pair_distances(embeddings, first, second)
    monkeypatch.setattr(verification, "_BLOCK_PAIRS", 7)
    assert np.array_equal(verification.pair_distances(embeddings, first, second), whole)


@pytest.mark.parametrize(("embeddings", "second"), [(np.zeros(4), [0]), (np.zeros((2, 2)), [0, 1])])
def test_indices_must_pair_up(embeddings, second):
    with pytest.raises(ValueError, match="index arrays"):
        verification.pair_distances(embeddings, np.asarray([0]), np.asarray(second))
