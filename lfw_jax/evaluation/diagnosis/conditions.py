"""Accuracy against image attributes such as sharpness, size and pose."""

import dataclasses
from collections.abc import Mapping
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from lfw_jax.evaluation.intervals.identity_graph import IdentityGraph
from lfw_jax.evaluation.intervals.rates import rate_interval
from lfw_jax.evaluation.thresholds import decision_scores

BINS = 3
"""Number of bins of an attribute: terciles."""

Harder = Literal["low", "high"]


@dataclasses.dataclass(frozen=True, eq=False)
class ImageAttribute:
    """One measured attribute of the distinct images of a list.

    Attributes:
      name: name of the attribute in reports.
      unit: its unit, or how to read it.
      values: value of each image; NaN where it is unknown.
      harder: the end of the scale at which images are expected to be harder. A pair counts with the harder of its two images.
    """

    name: str
    unit: str
    values: Float[np.ndarray, "images"]
    harder: Harder


@dataclasses.dataclass(frozen=True)
class ConditionBin:
    """The pairs whose attribute is in one range.

    Attributes:
      low: smallest value.
      high: largest value.
      pairs: number of pairs.
      same_pairs: number of these that show one identity.
      accuracy: share of the pairs that are classified correctly.
      interval: 95 % interval of the accuracy: Wilson's, for pairs that share identities.
      false_match_rate: share of the different pairs that are accepted (FMR).
      false_non_match_rate: share of the same pairs that are rejected (FNMR).
    """

    low: float
    high: float
    pairs: int
    same_pairs: int
    accuracy: float
    interval: tuple[float, float]
    false_match_rate: float
    false_non_match_rate: float


@dataclasses.dataclass(frozen=True)
class Condition:
    """Accuracy against one attribute.

    Attributes:
      name: name of the attribute.
      unit: its unit, or how to read it.
      harder: the end of the scale at which images are expected to be harder.
      unknown: number of pairs with an image whose attribute is unknown; they are in no bin.
      bins: the bins, by increasing value; one bin if all values are equal, none if all are unknown.
    """

    name: str
    unit: str
    harder: str
    unknown: int
    bins: tuple[ConditionBin, ...]

    @property
    def hard_bin(self) -> ConditionBin:
        """The bin at the harder end of the scale."""
        return self.bins[0] if self.harder == "low" else self.bins[-1]

    @property
    def easy_bin(self) -> ConditionBin:
        """The bin at the other end."""
        return self.bins[-1] if self.harder == "low" else self.bins[0]


def condition(
    attribute: ImageAttribute,
    indices: tuple[Int[np.ndarray, "pairs"], Int[np.ndarray, "pairs"]],
    accepted: Bool[np.ndarray, "pairs"],
    same: Bool[np.ndarray, "pairs"],
    graph: IdentityGraph,
    *,
    bins: int = BINS,
) -> Condition:
    """Return the accuracy of pairs by quantiles of an attribute. Equal values share a bin.

    Args:
      attribute: the attribute of the distinct images.
      indices: the indices in the attribute's values of the first and of the second image of each pair.
      accepted: true where a pair is accepted as one identity.
      same: true where both images show one identity.
      graph: identities of the pairs, for the intervals.
      bins: number of quantiles.
    """
    first, second = attribute.values[indices[0]], attribute.values[indices[1]]
    values = np.minimum(first, second) if attribute.harder == "low" else np.maximum(first, second)
    known = ~np.isnan(values)
    shown = values[known]
    edges = np.unique(np.quantile(shown, np.arange(1, bins) / bins, method="inverted_cdf")) if len(shown) else shown
    index = np.searchsorted(edges, shown)  # a value equal to an edge belongs below it
    parts = [np.flatnonzero(known)[index == i] for i in np.unique(index)]
    found = [_bin(values[part], accepted[part], same[part], graph.subset(part)) for part in parts]
    return Condition(attribute.name, attribute.unit, attribute.harder, int(np.sum(~known)), tuple(found))


def conditions(
    attributes: Mapping[str, ImageAttribute],
    indices: tuple[Int[np.ndarray, "pairs"], Int[np.ndarray, "pairs"]],
    accepted: Bool[np.ndarray, "pairs"],
    same: Bool[np.ndarray, "pairs"],
    graph: IdentityGraph,
) -> dict[str, Condition]:
    """Return the accuracy of pairs against each attribute, by its key. Arguments as of `condition`."""
    return {key: condition(attribute, indices, accepted, same, graph) for key, attribute in attributes.items()}


def _bin(values: np.ndarray, accepted: np.ndarray, same: np.ndarray, graph: IdentityGraph) -> ConditionBin:
    scores = decision_scores(accepted, same)
    return ConditionBin(
        low=float(values.min()),
        high=float(values.max()),
        pairs=len(values),
        same_pairs=int(same.sum()),
        accuracy=scores.accuracy,
        interval=rate_interval(accepted == same, graph, strata=same).ends,
        false_match_rate=scores.false_accept_rate,
        false_non_match_rate=scores.false_reject_rate,
    )
