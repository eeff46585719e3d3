"""Typed results of identification and retrieval; a part of `metrics.json`."""

import dataclasses

from lfw_jax.evaluation.results import ListResult


@dataclasses.dataclass(frozen=True)
class RateAtRank:
    """A share of searches that succeed within a rank.

    Attributes:
      rank: the rank, from 1.
      rate: the share of the searches.
    """

    rank: int
    rate: float


@dataclasses.dataclass(frozen=True)
class ClosedSetResult:
    """Closed-set identification: each probe has a mate in the gallery.

    Attributes:
      probes: number of probes with a mate, of which `cmc` gives shares.
      without_mate: number of probes without a mate; they are excluded.
      cmc: cumulative match characteristic: share of the probes whose best mate has at most the given rank.
      rank_1_interval: 95 % interval of the rate at rank 1; the probes of one identity count as dependent.
    """

    probes: int
    without_mate: int
    cmc: tuple[RateAtRank, ...]
    rank_1_interval: tuple[float, float]

    def rate(self, rank: int) -> float | None:
        """Return the rate at a rank; None if the gallery is smaller or the rank is not listed."""
        return next((point.rate for point in self.cmc if point.rank == rank), None)


@dataclasses.dataclass(frozen=True)
class OpenSetPoint:
    """Open-set identification at one threshold.

    Attributes:
      false_positive_rate: given limit of the FPIR.
      measured_rate: FPIR at the threshold: share of the non-mated searches that return an entry. Ties can make it smaller.
      true_positive_rate: TPIR, also called DIR: share of the mated searches that return the mate at rank 1. FNIR is 1 − TPIR.
      threshold: entries at a smaller distance are returned.
    """

    false_positive_rate: float
    measured_rate: float
    true_positive_rate: float
    threshold: float


@dataclasses.dataclass(frozen=True)
class OpenSetResult:
    """Open-set identification: nothing should be returned for probes without a mate in the gallery.

    Attributes:
      mated: number of mated searches.
      non_mated: number of non-mated searches.
      points: one point for each false positive identification rate that can be measured on the non-mated searches.
    """

    mated: int
    non_mated: int
    points: tuple[OpenSetPoint, ...]

    def true_positive_rate(self, false_positive_rate: float) -> float | None:
        """Return the TPIR at a listed FPIR; None if there are too few non-mated searches."""
        return next(
            (p.true_positive_rate for p in self.points if p.false_positive_rate == false_positive_rate),
            None,
        )


@dataclasses.dataclass(frozen=True)
class RetrievalRates:
    """Means of retrieval measures.

    Attributes:
      precision_at_1: share of the queries whose nearest other item has their identity.
      r_precision: share of the R nearest other items that have the query's identity, R being the number of all that have it.
      map_at_r: mean average precision at R: as R-precision, but weighted by the precision at the rank of each hit.
    """

    precision_at_1: float
    r_precision: float
    map_at_r: float


@dataclasses.dataclass(frozen=True)
class RetrievalResult:
    """Retrieval within one set: every item is compared with all others.

    Attributes:
      items: number of images or templates.
      queries: number of items with another one of their identity. Only they are queries; all items can be found.
      identities: number of identities of the queries.
      over_queries: means over all queries.
      over_identities: means over the means of each identity, so that identities with many items do not dominate.
      recall: recall@k: share of the queries with an item of their identity among the k nearest.
    """

    items: int
    queries: int
    identities: int
    over_queries: RetrievalRates
    over_identities: RetrievalRates
    recall: tuple[RateAtRank, ...]


@dataclasses.dataclass(frozen=True)
class IdentificationResult:
    """The results of one gallery and its probes.

    Attributes:
      name: name of the list or protocol.
      gallery: number of templates in the gallery, without distractors.
      identities: number of identities in the gallery.
      distractors: number of distractors in the gallery.
      closed_set: the result of the probes with mates; None if there is none.
      open_set: the result with the probes without mates; None if there is none, or none with a mate.
      retrieval: retrieval among all templates; None if fewer than two identities have two.
      verification: the result of a list of pairs of templates; None without such a list.
    """

    name: str
    gallery: int
    identities: int
    distractors: int
    closed_set: ClosedSetResult | None = None
    open_set: OpenSetResult | None = None
    retrieval: RetrievalResult | None = None
    verification: ListResult | None = None
