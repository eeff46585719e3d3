"""Closed-set identification: the cumulative match characteristic."""

import numpy as np
from jaxtyping import Bool, Shaped

from lfw_jax.evaluation.identification.results import ClosedSetResult, RateAtRank
from lfw_jax.evaluation.identification.search import SearchResult
from lfw_jax.evaluation.thresholds import wilson_interval


def listed_ranks(largest: int) -> list[int]:
    """Return the ranks at which rates are listed: 1 to 10, then 20, 30, 50, 70, 100 and so on.

    Args:
      largest: the largest possible rank, the size of the gallery.
    """
    ranks = list(range(1, 11))
    while ranks[-1] < largest:
        power = 10 ** (len(str(ranks[-1])) - 1)
        ranks += [step * power for step in (2, 3, 5, 7, 10)]
    return [rank for rank in ranks if rank <= largest]


def cmc(found: SearchResult, subjects: Shaped[np.ndarray, "probes"], gallery: int) -> ClosedSetResult:
    """CMC: the share of the probes whose best mate has at most a given rank.

    A rank counts templates of the gallery, not identities. Probes without a mate are counted and excluded.

    Args:
      found: the searches.
      subjects: identity of each probe.
      gallery: number of templates in the gallery, with distractors.

    Raises:
      ValueError: no probe has a mate.

    Source: Phillips, Grother, Micheals, "Evaluation methods in face recognition", Handbook of Face Recognition, 2nd ed., 2011;
      ISO/IEC 19795-1.
    """
    mated = found.mated
    if not mated.any():
        raise ValueError("expected at least one probe with a mate, found none")
    ranks = np.sort(found.mate_ranks[mated])
    listed = listed_ranks(gallery)
    shares = np.searchsorted(ranks, listed, side="right") / len(ranks)
    return ClosedSetResult(
        probes=len(ranks),
        without_mate=int(np.sum(~mated)),
        cmc=tuple(RateAtRank(rank, share) for rank, share in zip(listed, shares.tolist(), strict=True)),
        rank_1_interval=clustered_interval(found.mate_ranks[mated] == 1, subjects[mated]),
    )


def clustered_interval(
    success: Bool[np.ndarray, "trials"], groups: Shaped[np.ndarray, "trials"]
) -> tuple[float, float]:
    """Return the 95 % interval of a rate if the trials of a group are dependent.

    It is Wilson's interval at the effective number of trials: as many independent trials as have the variance that the rates of
    the groups show. If all trials agree, no variance shows, and the groups are counted.

    Args:
      success: true for each trial that succeeds.
      groups: group of each trial, such as its identity.

    Source: Korn, Graubard, "Confidence intervals for proportions with small expected number of positive counts estimated from
      survey data", Survey Methodology 24, 1998.
    """
    index = np.unique(groups, return_inverse=True)[1]
    sizes, successes = np.bincount(index), np.bincount(index, weights=success)
    rate, count = float(np.mean(success)), len(sizes)
    effective = float(count)
    if 0 < rate < 1 and count > 1:
        spread = np.sum((successes - rate * sizes) ** 2) * count / (count - 1)
        independent = rate * (1 - rate) * len(index) ** 2 / spread if spread else np.inf
        effective = float(np.clip(independent, 1.0, len(index)))
    return wilson_interval(rate * effective, effective)
