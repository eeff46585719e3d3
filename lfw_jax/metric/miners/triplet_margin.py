"""Triplets selected by their margin: hard, semihard or easy."""

import math

from lfw_jax.metric.pairs import Pairs
from lfw_jax.metric.selection import TripletInterval
from lfw_jax.metric.triplets import count_triplets

KINDS = ("all", "hard", "semihard", "easy")


def triplet_margin(pairs: Pairs, *, margin: float = 0.2, kind: str = "all") -> TripletInterval:
    """Select all triplets whose `t = d_an − d_ap` is in a range, and count the triplets of each pair.

    Kinds, as in `TripletMarginMiner` of pytorch-metric-learning: "all" `t ≤ margin`, "hard" `t ≤ 0`, "semihard" `0 <
    t ≤ margin` and "easy" `t > margin`. Semihard triplets are from Schroff et al. 2015, "FaceNet" (arXiv:1503.03832),
    section 3.2.

    For one anchor each kind is an interval of d_an given d_ap, so no B³ triplets are listed. The cost is O(a·r)
    memory and O(a·r·min(P, log r)) time for up to P positives per anchor.

    Args:
      pairs: Result of `compare`.
      margin: Margin in the unit of `pairs.distances`, at least 0.
      kind: "all", "hard", "semihard" or "easy".

    Returns:
      The interval of triplets with the count of triplets that each pair belongs to.

    Raises:
      ValueError: If the kind is unknown or the margin is negative.

    Example:
      >>> import jax.numpy as jnp
      >>> from lfw_jax.metric import compare
      >>> pairs = compare(jnp.array([[0.0], [1.0], [1.1], [3.0]]), jnp.array([0, 0, 1, 1]), normalize=False)
      >>> selected = triplet_margin(pairs, kind="semihard")
      >>> selected.positive[0].tolist(), selected.negative[0].tolist()  # (anchor 0, positive 1, negative 2)
      ([0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0])
    """
    if kind not in KINDS:
        raise ValueError(f"unknown kind of triplet '{kind}'; expected one of {', '.join(KINDS)}")
    if margin < 0:
        raise ValueError(f"the margin of a triplet must be at least 0, found {margin}")
    lower, upper = {
        "all": (-math.inf, margin),
        "hard": (-math.inf, 0.0),
        "semihard": (0.0, margin),
        "easy": (margin, math.inf),
    }[kind]
    counts = count_triplets(pairs, lower, upper)
    return TripletInterval(counts.positive, counts.negative, float(lower), float(upper))
