"""Each system of a fusion by itself: its decisions, its metrics and their intervals."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Float

from lfw_jax.evaluation.diagnosis.separation import d_prime
from lfw_jax.evaluation.error_rates import det_points, equal_error_rate
from lfw_jax.evaluation.fold_figures import fold_thresholds
from lfw_jax.evaluation.fusion.results import SystemScores
from lfw_jax.evaluation.intervals.bootstrap import RESAMPLES
from lfw_jax.evaluation.intervals.identity_graph import IdentityGraph
from lfw_jax.evaluation.intervals.interval import Interval
from lfw_jax.evaluation.intervals.percentiles import bootstrap_intervals
from lfw_jax.evaluation.intervals.rates import rate_interval
from lfw_jax.evaluation.intervals.weighted_metrics import WeightedPairs
from lfw_jax.evaluation.roc import roc_auc
from lfw_jax.evaluation.scores import ScoredPairs
from lfw_jax.evaluation.thresholds import best_accuracy
from lfw_jax.evaluation.with_intervals import affordable_resamples

_MOST_POINTS = 100  # of a DET curve
_DIGITS = 6


@dataclasses.dataclass(frozen=True, eq=False)
class DecidedPairs:
    """The pairs of one system with its decisions.

    Attributes:
      pairs: the scored pairs.
      threshold: its threshold; the mean over folds if each fold has its own.
      correct: true where the pair is classified correctly; None without a threshold.
    """

    pairs: ScoredPairs
    threshold: float | None = None
    correct: Bool[np.ndarray, "pairs"] | None = None

    @classmethod
    def of(cls, pairs: ScoredPairs, held_out: ScoredPairs | None) -> "DecidedPairs":
        """Decide at the threshold of held-out pairs, or each fold at that of the other folds.

        Args:
          pairs: the scored pairs.
          held_out: the pairs to choose the threshold on; None to choose it on the other folds.
        """
        if held_out is not None:
            threshold = best_accuracy(held_out.distances, held_out.same)
            return cls(pairs, threshold, (pairs.distances < threshold) == pairs.same)
        if pairs.folds is None or not has_folds(pairs):
            return cls(pairs)
        chosen, accepted = fold_thresholds(pairs.distances, pairs.same, pairs.folds, best_accuracy)
        return cls(pairs, float(chosen.mean()), accepted == pairs.same)


def has_folds(pairs: ScoredPairs) -> bool:
    """Return true if the pairs have at least two folds."""
    return pairs.folds is not None and len(np.unique(pairs.folds)) > 1


def system_scores(systems: Mapping[str, DecidedPairs], graph: IdentityGraph, *, seed: int) -> dict[str, SystemScores]:
    """Return the separation of the pairs by each system, with intervals.

    Args:
      systems: the systems by name, with the same pairs.
      graph: the identities of the pairs.
      seed: seed of the resamples.
    """
    intervals = _auc_intervals([one.pairs for one in systems.values()], graph, seed)
    return {
        name: _system(name, one, graph, interval)
        for (name, one), interval in zip(systems.items(), intervals, strict=True)
    }


def _system(name: str, decided: DecidedPairs, graph: IdentityGraph, auc_interval: Interval | None) -> SystemScores:
    distances, same, correct = decided.pairs.distances, decided.pairs.same, decided.correct
    return SystemScores(
        name=name,
        d_prime=d_prime(distances[same], distances[~same]),
        auc=roc_auc(distances, same),
        auc_interval=auc_interval,
        equal_error_rate=equal_error_rate(distances, same)[0],
        threshold=decided.threshold,
        accuracy=None if correct is None else float(correct.mean()),
        accuracy_interval=None if correct is None else rate_interval(correct, graph, strata=same),
        curve=_curve(distances, same),
    )


def _auc_intervals(systems: Sequence[ScoredPairs], graph: IdentityGraph, seed: int) -> list[Interval | None]:
    """Return the interval of the AUC of each system, all from the same resamples; None where all resamples agree."""
    weighted = [WeightedPairs(pairs.distances, pairs.same) for pairs in systems]
    found = bootstrap_intervals(
        lambda weights: np.stack([one.auc(weights) for one in weighted], axis=1),
        graph,
        [roc_auc(pairs.distances, pairs.same) for pairs in systems],
        limits=(0.0, 1.0),
        resamples=affordable_resamples(RESAMPLES, len(graph)),
        seed=seed,
    )
    return [one if one.low < one.high else None for one in found]


def _curve(distances: Float[np.ndarray, "pairs"], same: Bool[np.ndarray, "pairs"]) -> tuple[tuple[float, float], ...]:
    """Return corners of the DET curve, at most `_MOST_POINTS`, evenly chosen."""
    match, miss = det_points(distances, same)
    inside = np.flatnonzero((match > 0) & (match < 1) & (miss > 0) & (miss < 1))
    kept = inside[np.unique(np.linspace(0, len(inside) - 1, min(len(inside), _MOST_POINTS)).round().astype(int))]
    return tuple(
        (round(float(x), _DIGITS), round(float(y), _DIGITS)) for x, y in zip(match[kept], miss[kept], strict=True)
    )
