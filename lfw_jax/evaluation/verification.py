"""Face verification: the metrics of a list of pairs, at thresholds chosen on other pairs."""

import dataclasses

import numpy as np
from jaxtyping import Float, Int

from lfw_jax.backends.unit_length import unit_length
from lfw_jax.errors import UserError
from lfw_jax.evaluation import thresholds as exact
from lfw_jax.evaluation.error_rates import error_rates
from lfw_jax.evaluation.fold_figures import fold_figures, fold_thresholds, insightface_figures
from lfw_jax.evaluation.operating_points import true_accept_rates
from lfw_jax.evaluation.repeated_pairs import repeated_note
from lfw_jax.evaluation.results import FoldsResult, InsightFaceResult, ListResult, ThresholdResult
from lfw_jax.evaluation.roc import roc_auc
from lfw_jax.evaluation.scores import ScoredPairs
from lfw_jax.evaluation.thresholds import VerificationScores

_BLOCK_PAIRS = 65_536


@dataclasses.dataclass(frozen=True, eq=False)
class VerificationResult:
    """The scored pairs of one list and their metrics.

    Attributes:
      pairs: the scored pairs.
      metrics: their metrics.
    """

    pairs: ScoredPairs
    metrics: ListResult


def verify(test: ScoredPairs, development: ScoredPairs) -> VerificationResult:
    """Evaluate test pairs at thresholds chosen on development pairs (LFW's View 1).

    One threshold has the best accuracy on the development pairs, another the best F1.

    Args:
      test: the pairs to evaluate.
      development: the pairs to choose thresholds on.

    Raises:
      ValueError: the development pairs are the test pairs.
    """
    # If a collapsed model gives all pairs the same distance, equal arrays do not imply equal pairs.
    equal = np.array_equal(test.distances, development.distances) and np.array_equal(test.same, development.same)
    if test.name == development.name or (equal and np.ptp(test.distances) > 0):
        raise ValueError(f"{test.name}: a threshold must not be chosen on the pairs that it is evaluated on")
    results = []
    for rule, choose in exact.RULES.items():
        threshold = choose(development.distances, development.same)
        results.append(_at_threshold(test, rule, threshold, chosen_on=development.name))
    return VerificationResult(test, _list_result(test, tuple(results)))


def with_held_out_threshold(result: VerificationResult, held_out: ScoredPairs) -> VerificationResult:
    """Return the result with the metrics at the threshold of held-out identities.

    It is the threshold with the best accuracy on pairs of identities that are held out of training.

    If identities of the development pairs are used for training, as LFW's protocols allow, their embeddings lie closer together,
    and farther from others, than those of unseen identities. A threshold chosen on them is too strict for unseen identities.

    Args:
      result: the verification of unseen identities.
      held_out: pairs of identities that are not used for training.

    Raises:
      ValueError: the held-out pairs are the evaluated pairs.
    """
    if held_out.name == result.pairs.name:
        raise ValueError(f"{held_out.name}: a threshold must not be chosen on the pairs that it is evaluated on")
    threshold = exact.best_accuracy(held_out.distances, held_out.same)
    at_threshold = _at_threshold(result.pairs, "accuracy", threshold, chosen_on=held_out.name)
    return dataclasses.replace(result, metrics=dataclasses.replace(result.metrics, held_out_threshold=at_threshold))


def verify_folds(test: ScoredPairs) -> VerificationResult:
    """Evaluate each fold of the test pairs at the threshold chosen on all other folds (LFW's View 2).

    The metrics over folds use the rule "accuracy"; the AUC is over all pairs. The result of each rule counts every pair once,
    at the threshold of its own fold, and states the mean of these thresholds.

    Args:
      test: the pairs to evaluate, with their folds.

    Raises:
      ValueError: pairs without folds.
      UserError: fewer than two folds.
    """
    distances, same, folds = test.distances, test.same, test.folds
    if folds is None:
        raise ValueError(f"{test.name}: expected the fold of each pair, found none")
    labels = np.unique(folds)
    if len(labels) < 2:
        raise UserError(
            f"{test.name}: found {len(labels)} fold, expected at least 2. Use a list whose first line is `F N`."
        )
    results, over_folds = [], {}
    for rule, choose in exact.RULES.items():
        chosen, accepted = fold_thresholds(distances, same, folds, choose)
        accuracies = np.asarray([np.mean((accepted == same)[folds == label]) for label in labels])
        chosen_on = f"the other folds of {test.name} (mean of {len(labels)} thresholds)"
        scores = exact.decision_scores(accepted, same)
        results.append(_threshold_result(rule, float(chosen.mean()), chosen_on, scores))
        over_folds[rule] = fold_figures(rule, accuracies, chosen)
    insightface = insightface_figures(distances, same)
    return VerificationResult(test, _list_result(test, tuple(results), over_folds["accuracy"], insightface))


def pair_distances(
    embeddings: Float[np.ndarray, "n d"],
    first_index: Int[np.ndarray, "pairs"],
    second_index: Int[np.ndarray, "pairs"],
) -> Float[np.ndarray, "pairs"]:
    """Return the Euclidean distances, in [0, 2], of pairs of L2-normalised embeddings, in float64.

    An embedding of zeros has no direction and stays zero: its distance is 0 to another of zeros and 1 to any other. Embeddings
    that are not finite give distances that are not finite.

    Args:
      embeddings: any length; they are normalised here.
      first_index: row of the first image of each pair.
      second_index: row of the second image of each pair.

    Raises:
      ValueError: arrays of other shapes.
    """
    embeddings = np.asarray(embeddings)
    first_index, second_index = np.asarray(first_index), np.asarray(second_index)
    if embeddings.ndim != 2 or first_index.ndim != 1 or first_index.shape != second_index.shape:
        raise ValueError(
            "expected embeddings [n, d] and two index arrays [pairs], found shapes "
            f"{embeddings.shape}, {first_index.shape} and {second_index.shape}"
        )
    distances = np.empty(len(first_index), dtype=np.float64)
    for start in range(0, len(distances), _BLOCK_PAIRS):  # blocks bound the memory of long lists
        block = slice(start, start + _BLOCK_PAIRS)
        difference = unit_length(embeddings[first_index[block]]) - unit_length(embeddings[second_index[block]])
        distances[block] = np.sqrt(np.sum(difference**2, axis=1))
    return distances


def _list_result(
    pairs: ScoredPairs,
    thresholds: tuple[ThresholdResult, ...],
    folds: FoldsResult | None = None,
    insightface: InsightFaceResult | None = None,
) -> ListResult:
    return ListResult(
        name=pairs.name,
        pairs=len(pairs),
        same_pairs=int(pairs.same.sum()),
        auc=roc_auc(pairs.distances, pairs.same),
        positive_distance_mean=float(pairs.distances[pairs.same].mean()),
        negative_distance_mean=float(pairs.distances[~pairs.same].mean()),
        thresholds=thresholds,
        held_out_threshold=None,
        folds=folds,
        insightface=insightface,
        true_accept_rates=true_accept_rates(pairs.distances, pairs.same),
        error_rates=error_rates(pairs.distances, pairs.same),
        notes=repeated_note(pairs),
    )


def _at_threshold(pairs: ScoredPairs, rule: str, threshold: float, *, chosen_on: str) -> ThresholdResult:
    scores = exact.verification_scores(pairs.distances, pairs.same, threshold)
    return _threshold_result(rule, threshold, chosen_on, scores)


def _threshold_result(rule: str, threshold: float, chosen_on: str, scores: VerificationScores) -> ThresholdResult:
    return ThresholdResult(
        rule=rule,
        threshold=threshold,
        chosen_on=chosen_on,
        accuracy=scores.accuracy,
        accuracy_interval=exact.wilson_interval(scores.correct, scores.pairs),
        f1=scores.f1,
        precision=scores.precision,
        recall=scores.recall,
        false_accept_rate=scores.false_accept_rate,
        false_reject_rate=scores.false_reject_rate,
    )
