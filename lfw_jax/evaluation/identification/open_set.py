"""Open-set identification: TPIR at given FPIR."""

import numpy as np
from jaxtyping import Float

from lfw_jax.evaluation.identification.results import OpenSetPoint, OpenSetResult
from lfw_jax.evaluation.identification.search import SearchResult


def false_positive_rates(non_mated: int) -> list[float]:
    """Return the rates 0.5, 0.2, 0.1, 0.05 and so on that allow one false positive or more.

    Args:
      non_mated: number of non-mated searches.
    """
    rates = [step / 10**power for power in range(1, 10) for step in (5, 2, 1)]
    return [rate for rate in rates if rate * non_mated > 1 - 1e-9]


def open_set(found: SearchResult) -> OpenSetResult | None:
    """TPIR at FPIR, also called DIR at FAR: open-set identification at exact thresholds.

    A search returns the entries above a threshold. FPIR is the share of the non-mated searches that return any; TPIR is the share
    of the mated searches that return the mate and rank it first. The threshold of a point is the lowest one whose FPIR is at most
    the given rate, from the best similarity of each non-mated search. It is chosen on the searches that it is evaluated on, as is
    usual. A rate that allows less than one false positive cannot be measured and is omitted.

    Args:
      found: the searches; those without a mate are the non-mated ones.

    Returns:
      The result; None if all searches are of one kind.

    Source: Phillips, Grother, Micheals, "Evaluation methods in face recognition", Handbook of Face Recognition, 2nd ed., 2011;
      Grother, Ngan, Hanaoka, FRVT part 2: identification, NISTIR 8271, 2019, with a candidate list of length 1.
    """
    mated = found.mated
    if mated.all() or not mated.any():
        return None
    false = -np.sort(-found.other_similarities[~mated])
    true = found.mate_similarities[mated]
    first = found.mate_ranks[mated] == 1
    points = []
    for rate in false_positive_rates(len(false)):
        allowed = int(rate * len(false) + 1e-9)  # so that 0.001 · 3000 is 3 despite rounding
        if allowed >= len(false):
            continue
        limit = false[allowed]
        points.append(
            OpenSetPoint(
                false_positive_rate=rate,
                measured_rate=float(np.mean(false > limit)),
                true_positive_rate=float(np.mean(first & (true > limit))),
                threshold=float(distance(limit)),
            )
        )
    return OpenSetResult(int(mated.sum()), len(false), tuple(points))


def distance(similarity: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Return the Euclidean distance of unit embeddings, in [0, 2], from their cosine."""
    return np.sqrt(np.maximum(0.0, 2.0 - 2.0 * np.asarray(similarity, np.float64)))
