"""Intervals of all metrics of an evaluated list, added to its result once the evaluation is final."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool

from lfw_jax.evaluation import thresholds as exact
from lfw_jax.evaluation.fold_figures import fold_thresholds
from lfw_jax.evaluation.intervals.bootstrap import RESAMPLES
from lfw_jax.evaluation.intervals.folds import FoldedPairs
from lfw_jax.evaluation.intervals.identity_graph import IdentityGraph, graph_of
from lfw_jax.evaluation.intervals.interval import Interval
from lfw_jax.evaluation.intervals.percentiles import Statistic, bootstrap_intervals
from lfw_jax.evaluation.intervals.rates import rate_interval
from lfw_jax.evaluation.intervals.weighted_metrics import WeightedPairs, weighted_means
from lfw_jax.evaluation.results import FoldsResult, ListResult, ThresholdIntervals, ThresholdResult
from lfw_jax.evaluation.scores import ScoredPairs
from lfw_jax.evaluation.verification import VerificationResult

FEWEST_RESAMPLES = 200
"""Number of resamples of a list of any length: the ends of an interval are then the 5th and the 195th of them."""

MOST_WEIGHTS = 100_000_000
"""Number of weights, pairs times resamples, from which on a longer list has fewer resamples: those of 100,000 pairs."""


def with_intervals(
    result: VerificationResult,
    *,
    development: ScoredPairs | None = None,
    held_out: ScoredPairs | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> VerificationResult:
    """Return the result with 95 % intervals that respect the dependence of pairs.

    Rates get Wilson's interval with the effective number of pairs. The AUC, the thresholds and the mean over folds get the
    interval of the corrected vertex bootstrap, for thresholds over the identities of the pairs that they were chosen on. A
    list without identities is evaluated as if its pairs were independent, and its intervals say so.

    Args:
      result: the result of `verify` or `verify_folds`.
      development: the pairs that the thresholds were chosen on; None for the other folds of the evaluated pairs.
      held_out: the pairs that the threshold of held-out identities was chosen on; None if there is none.
      resamples: number of resamples of each bootstrap; fewer for long lists, see `affordable_resamples`.
      seed: seed of the resampling.

    Raises:
      ValueError: neither development pairs nor folds, or a threshold of held-out identities without their pairs.
    """
    pairs, metrics = result.pairs, result.metrics
    graph = graph_of(pairs)
    bootstrap = _Bootstrap(resamples, seed)
    if development is not None:
        thresholds = tuple(_chosen_on(one, pairs, graph, development, bootstrap) for one in metrics.thresholds)
        folds = metrics.folds
    else:
        thresholds, folds = _over_folds(metrics, pairs, graph, bootstrap)
    if (of_held_out := metrics.held_out_threshold) is not None:
        if held_out is None:
            raise ValueError(f"{metrics.name}: expected the pairs of the threshold of held-out identities, found none")
        of_held_out = _chosen_on(of_held_out, pairs, graph, held_out, bootstrap)
    weighted = WeightedPairs(pairs.distances, pairs.same)
    (auc,) = bootstrap.intervals(lambda weights: weighted.auc(weights)[:, None], graph, [metrics.auc])
    metrics = dataclasses.replace(
        metrics, thresholds=thresholds, folds=folds, held_out_threshold=of_held_out, auc_interval=_informative(auc)
    )
    return dataclasses.replace(result, metrics=metrics)


def affordable_resamples(wanted: int, pairs: int) -> int:
    """Return a number of resamples that a list of so many pairs can afford.

    Args:
      wanted: number of resamples of a list up to `MOST_WEIGHTS` weights.
      pairs: number of pairs.
    """
    return min(wanted, max(FEWEST_RESAMPLES, MOST_WEIGHTS // pairs))


@dataclasses.dataclass(frozen=True)
class _Bootstrap:
    resamples: int
    seed: int

    def intervals(
        self,
        statistic: Statistic,
        graph: IdentityGraph,
        estimates: Sequence[float],
        edge_statistic: Statistic | None = None,
        limits: tuple[float, float] = (0.0, 1.0),
    ) -> tuple[Interval, ...]:
        return bootstrap_intervals(
            statistic,
            graph,
            estimates,
            edge_statistic=edge_statistic,
            limits=limits,
            resamples=affordable_resamples(self.resamples, len(graph)),
            seed=self.seed,
        )


def _chosen_on(
    one: ThresholdResult, pairs: ScoredPairs, graph: IdentityGraph, source: ScoredPairs, bootstrap: _Bootstrap
) -> ThresholdResult:
    """Return the result of a threshold with its intervals, if it was chosen on other pairs."""
    threshold = _threshold(one, source, graph_of(source), bootstrap)
    return _with_rates(one, pairs.distances < one.threshold, pairs.same, graph, threshold)


def _over_folds(
    metrics: ListResult, pairs: ScoredPairs, graph: IdentityGraph, bootstrap: _Bootstrap
) -> tuple[tuple[ThresholdResult, ...], FoldsResult]:
    """Return the results of thresholds that were chosen on the other folds, and the mean over folds, with their intervals."""
    folds = metrics.folds
    if pairs.folds is None or folds is None:
        raise ValueError(f"{metrics.name}: expected development pairs or folds to choose thresholds on, found neither")
    results, folded = [], FoldedPairs(pairs.distances, pairs.same, pairs.folds)
    for one in metrics.thresholds:
        _, accepted = fold_thresholds(pairs.distances, pairs.same, pairs.folds, exact.RULES[one.rule])
        results.append(_with_rates(one, accepted, pairs.same, graph, _threshold(one, pairs, graph, bootstrap)))
        if one.rule == folds.rule == "accuracy":
            (mean,) = bootstrap.intervals(
                lambda weights: folded.mean_accuracy(weights)[:, None],
                graph,
                [folds.mean],
                # Near the best threshold the accuracy changes little, so that fixed decisions have nearly the same variance.
                edge_statistic=lambda weights, correct=accepted == pairs.same: weighted_means(
                    weights, correct[:, None]
                ),
            )
            folds = dataclasses.replace(folds, mean_interval=_informative(mean))
    return tuple(results), folds


def _threshold(one: ThresholdResult, source: ScoredPairs, graph: IdentityGraph, bootstrap: _Bootstrap) -> Interval:
    """Return the interval of a threshold, over samples of the identities of the pairs that it was chosen on.

    That of the mean of the thresholds of all folds is the interval of one that is chosen on all pairs.
    """
    weighted = WeightedPairs(source.distances, source.same)
    (interval,) = bootstrap.intervals(
        lambda weights: weighted.best(one.rule, weights)[:, None],
        graph,
        [one.threshold],
        limits=(0.0 if source.distances.min() >= 0 else -np.inf, np.inf),
    )
    return interval


def _informative(interval: Interval) -> Interval | None:
    """Return the interval of a share; None if all resamples agree, since an interval without width would claim certainty."""
    return interval if interval.low < interval.high else None


def _with_rates(
    one: ThresholdResult,
    accepted: Bool[np.ndarray, "pairs"],
    same: Bool[np.ndarray, "pairs"],
    graph: IdentityGraph,
    threshold: Interval,
) -> ThresholdResult:
    intervals = ThresholdIntervals(
        accuracy=rate_interval(accepted == same, graph, strata=same),
        false_accept_rate=rate_interval(accepted[~same], graph.subset(~same)),
        false_reject_rate=rate_interval(~accepted[same], graph.subset(same)),
        threshold=threshold,
    )
    return dataclasses.replace(one, intervals=intervals)
