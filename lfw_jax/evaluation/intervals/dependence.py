"""The effective number of pairs: the number of independent pairs that would be as informative.

Two pairs can be dependent only if they share an identity. A shared image is a shared identity, too. The covariance of the
errors of such pairs is estimated from the residuals in one pass over the pairs: the squared sums of the residuals by identity
count each two pairs that share one identity once, and those that share two identities twice, which the squared sums by edge
correct.

Sources: Fogliato, Patil & Perona, "Confidence intervals for error rates in 1:1 matching tasks: critical statistical analysis
and recommendations", IJCV 2024 (the plug-in variance, its use in Wilson's interval, and the replacement of a negative
covariance by 0); Aronow, Samii & Assenova, "Cluster-robust variance estimation for dyadic data", Political Analysis 23, 2015
(the same sum for any list of pairs). The two corrections for few identities in `effective_pairs` are additions of this
project.
"""

import dataclasses

import numpy as np
from jaxtyping import Bool, Float, Int

from lfw_jax.evaluation.intervals.identity_graph import IdentityGraph

_IDENTIFIABLE = 1e-6


@dataclasses.dataclass(frozen=True)
class EffectivePairs:
    """The information in the pairs of a list about the share of pairs with a property.

    Attributes:
      pairs: effective number of pairs, at most the number of pairs.
      degrees_of_freedom: degrees of freedom of the estimated variance; infinite if no two pairs are dependent.
    """

    pairs: float
    degrees_of_freedom: float


def effective_pairs(
    values: Bool[np.ndarray, "pairs"] | Float[np.ndarray, "pairs"],
    graph: IdentityGraph,
    strata: Bool[np.ndarray, "pairs"] | None = None,
) -> EffectivePairs:
    """Return the effective number of pairs for the mean of a value, such as an error of 0 or 1.

    The correlation ρ of two pairs that share an identity gives n / (1 + ρ N / n), where N counts the ordered couples of pairs
    that share an identity. ρ is estimated from the residuals. Residuals sum to zero, which biases their products downwards;
    the correction solves for the ρ that gives the observed products in expectation, for equally correlated couples.

    With few identities the estimate is noisy. Its degrees of freedom are (Σ s²)² / Σ s⁴ over the sums s of residuals by
    identity, the number of identities that carry the variance, over the square of the share of the variance that is due to
    dependence (Satterthwaite's rule).

    Values that are all equal say nothing about ρ, nor do pairs that all share one identity. The result is then the number of
    pairs if identities explained the values entirely: `fully_dependent_pairs`.

    Args:
      values: value of each pair.
      graph: identities of the pairs.
      strata: two kinds of pairs whose numbers the design of the list fixes, such as same and different pairs; residuals are
        then taken from the mean of their kind.
    """
    count = len(graph)
    residuals = _residuals(np.asarray(values, np.float64), strata)
    own = float(np.sum(residuals**2))
    couples = _couples(graph)
    total = float(couples.sum())
    if own == 0:
        return EffectivePairs(fully_dependent_pairs(graph), np.inf)
    if total == 0:
        return EffectivePairs(float(count), np.inf)
    by_identity = graph.sums_by_identity(residuals)
    ratio = shared_products(residuals, graph) / own
    scale = (
        total
        - 2 * float(np.sum(couples.astype(np.float64) ** 2)) / count
        + (total / count) ** 2
        + ratio * total / count
    )
    if scale < _IDENTIFIABLE * total:
        return EffectivePairs(fully_dependent_pairs(graph), np.inf)
    correlation = max(0.0, (ratio * (count - 1) + total / count) / scale)
    # A pair that is listed several times is no new information, even if other couples are negatively correlated by chance.
    inflation = max(1 + correlation * total / count, float(np.sum(graph.sums_by_edge_or_loop(residuals) ** 2)) / own)
    pairs = min(max(count / inflation, fully_dependent_pairs(graph)), float(count))
    due = 1 - pairs / count
    if due <= 0:
        return EffectivePairs(pairs, np.inf)
    # Residuals that cancel within every identity leave pairs listed several times as what carries the variance.
    sums = by_identity if by_identity.any() else graph.sums_by_edge_or_loop(residuals)
    carriers = float(np.sum(sums**2) ** 2 / np.sum(sums**4))
    return EffectivePairs(pairs, carriers / due**2)


def shared_products(residuals: Float[np.ndarray, "pairs"], graph: IdentityGraph) -> float:
    """Return the sum of the products of residuals over ordered couples of pairs that share an identity.

    Args:
      residuals: residual of each pair.
      graph: identities of the pairs.
    """
    with_itself = np.sum(graph.sums_by_identity(residuals) ** 2) - np.sum(graph.sums_by_edge(residuals) ** 2)
    return float(with_itself - np.sum(residuals**2))


def fully_dependent_pairs(graph: IdentityGraph) -> float:
    """Return the effective number of pairs if identities explained the values of pairs entirely.

    The value of a pair is then the sum of independent effects of its identities. It is G for same pairs of G identities,
    equally many of each, and G / 2 for all pairs of G identities.

    Args:
      graph: identities of the pairs.
    """
    # Two effects of half the variance each make the variance of an edge that of a loop.
    share = np.where(graph.loops, 1.0, np.sqrt(0.5))
    return len(graph) ** 2 / float(np.sum(graph.sums_by_identity(share) ** 2))


def _couples(graph: IdentityGraph) -> Int[np.ndarray, "pairs"]:
    """Return, for each pair, the number of other pairs that share an identity with it."""
    degrees = graph.degrees
    couples = degrees[graph.first] - 1
    edges = graph.edges
    multiplicity = np.bincount(graph.edge_labels)[graph.edge_labels]
    couples[edges] += degrees[graph.second[edges]] - multiplicity
    return couples


def _residuals(
    values: Float[np.ndarray, "pairs"], strata: Bool[np.ndarray, "pairs"] | None
) -> Float[np.ndarray, "pairs"]:
    if strata is None:
        return values - values.mean()
    residuals = values.copy()
    for kind in (strata, ~strata):
        residuals[kind] -= values[kind].mean() if kind.any() else 0.0
    return residuals
