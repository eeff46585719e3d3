"""Percentile intervals of the bootstrap over identities, for any metric of weighted pairs.

The weight of a pair of two identities has variance 3 in a resample, that of a pair within one identity 1: the bootstrap counts
the variance that such a pair has of its own, beside the effects of its identities, three times. That is negligible in a
complete list, where identities dominate, and makes intervals up to √3 too wide in a sparse one, where most identities occur in
a pair or two, as in LFW's lists. No resampling of identities avoids it (McCullagh, "Resampling and exchangeable arrays",
Bernoulli 6, 2000).

The correction measures that part by a second bootstrap, which resamples edges: variance of the first − 2 × variance of the
second. Deviations from the estimate are scaled by the root of its ratio to the variance of the first. It holds for metrics
that are smooth functions of the pairs, as the bootstrap does, and is an addition of this project.

A bootstrap underestimates the variance of few identities, and its percentiles ignore that the variance is estimated.
Deviations are widened by the usual factors: the degrees of freedom that are lost to the estimate, and Student's distribution.
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from jaxtyping import Float

from lfw_jax.evaluation.intervals.bootstrap import RESAMPLES, edge_weights, identity_weights
from lfw_jax.evaluation.intervals.identity_graph import IdentityGraph
from lfw_jax.evaluation.intervals.interval import PAIR_BOOTSTRAP, VERTEX_BOOTSTRAP, Interval
from lfw_jax.evaluation.intervals.wilson import normal_over_student

Statistic = Callable[[Float[np.ndarray, "block pairs"]], Float[np.ndarray, "block metrics"]]
"""A function from the weights of the pairs to metrics, NaN where a resample does not have one."""

_LEAST_SHARE = 1 / 3  # of the variance, if no two pairs are dependent


def bootstrap_intervals(
    statistic: Statistic,
    graph: IdentityGraph,
    estimates: Sequence[float],
    *,
    edge_statistic: Statistic | None = None,
    limits: tuple[float, float] = (-np.inf, np.inf),
    resamples: int = RESAMPLES,
    confidence: float = 0.95,
    seed: int = 0,
) -> tuple[Interval, ...]:
    """Return the interval of each metric by the corrected vertex bootstrap.

    Each interval contains the estimate. Resamples without a metric, such as the AUC without same pairs, are left out. If all
    others agree, as where no pair is classified wrongly, low and high are equal, which says nothing of the uncertainty.

    Args:
      statistic: the metrics.
      graph: identities of the pairs.
      estimates: each metric of the pairs themselves.
      edge_statistic: metrics of nearly equal variance for the second bootstrap, if they are faster to compute.
      limits: the smallest and the greatest possible value, which corrected deviations may exceed.
      resamples: number of resamples, of identities and again of edges.
      confidence: probability that an interval covers the true value.
      seed: seed of the resampling.
    """
    centre = np.asarray(estimates, np.float64)
    values = _values(statistic, identity_weights(graph, resamples=resamples, seed=seed))
    of_edges = None
    if len(graph.edges):
        of_edges = _values(edge_statistic or statistic, edge_weights(graph, resamples=resamples, seed=seed))
    values = np.clip(corrected(values, of_edges, centre, graph, confidence), *limits)
    low, high = percentiles(values, confidence)
    low, high = np.fmin(low, centre), np.fmax(high, centre)
    method = VERTEX_BOOTSTRAP if graph.known else PAIR_BOOTSTRAP
    return tuple(Interval(float(a), float(b), confidence, method) for a, b in zip(low, high, strict=True))


def corrected(
    values: Float[np.ndarray, "resamples metrics"],
    of_edges: Float[np.ndarray, "others metrics"] | None,
    estimates: Float[np.ndarray, "metrics"],
    graph: IdentityGraph,
    confidence: float = 0.95,
) -> Float[np.ndarray, "resamples metrics"]:
    """Return the resamples with their excess of variance removed, and widened for few identities.

    Args:
      values: the metrics in each resample of the identities; NaN where a resample does not have one.
      of_edges: the metrics in each resample of the edges; None for pairs within one identity, which have no excess.
      estimates: each metric of the pairs themselves.
      graph: identities of the pairs.
      confidence: that of the interval.
    """
    share = np.ones(len(estimates)) if of_edges is None else _share_of_variance(values, of_edges)
    return estimates + (values - estimates) * np.sqrt(share) * _few_identities(graph, confidence)


def percentiles(
    values: Float[np.ndarray, "resamples metrics"], confidence: float
) -> tuple[Float[np.ndarray, "metrics"], Float[np.ndarray, "metrics"]]:
    """Return the lower and upper percentile of each metric over the resamples that have it.

    Args:
      values: the metrics of each resample.
      confidence: probability between the two percentiles.
    """
    ends = [(1 - confidence) / 2, (1 + confidence) / 2]
    columns = [column[np.isfinite(column)] for column in values.T]
    found = np.asarray([np.quantile(column, ends) if len(column) else (np.nan, np.nan) for column in columns])
    return found[:, 0], found[:, 1]


def _values(
    statistic: Statistic, blocks: Iterable[Float[np.ndarray, "block pairs"]]
) -> Float[np.ndarray, "resamples metrics"]:
    return np.concatenate([statistic(weights) for weights in blocks])


def _share_of_variance(
    values: Float[np.ndarray, "resamples metrics"], of_edges: Float[np.ndarray, "resamples metrics"]
) -> Float[np.ndarray, "metrics"]:
    whole, own = _variance(values), _variance(of_edges)
    share = np.divide(whole - 2 * own, whole, out=np.ones_like(whole), where=whole > 0)
    return np.clip(share, _LEAST_SHARE, 1.0)


def _few_identities(graph: IdentityGraph, confidence: float) -> float:
    """Return the factor of deviations for few identities; 1 for many.

    The number of identities is (Σ d)² / Σ d² for their numbers d of pairs. The estimated mean costs one degree of freedom in a
    list of same pairs, and three in a complete list of different pairs.
    """
    degrees = graph.degrees.astype(np.float64)
    identities = float(degrees.sum() ** 2 / np.sum(degrees**2))
    lost = 1 + 2 * len(graph.edges) / len(graph)
    left = max(identities - lost, 1.0)
    return float(np.sqrt(max(identities, 1.0) / left)) / normal_over_student(confidence, max(identities - 1, 1.0))


def _variance(values: Float[np.ndarray, "resamples metrics"]) -> Float[np.ndarray, "metrics"]:
    return np.asarray(
        [np.var(column[np.isfinite(column)]) if np.isfinite(column).any() else 0.0 for column in values.T]
    )
