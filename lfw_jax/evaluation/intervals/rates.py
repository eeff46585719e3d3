"""Wilson's interval of a rate over pairs that share identities."""

import numpy as np
from jaxtyping import Bool

from lfw_jax.evaluation.intervals.dependence import effective_pairs
from lfw_jax.evaluation.intervals.identity_graph import IdentityGraph
from lfw_jax.evaluation.intervals.interval import WILSON_BY_IDENTITIES, WILSON_INDEPENDENT, Interval
from lfw_jax.evaluation.intervals.wilson import normal_over_student, wilson_of_share


def rate_interval(
    events: Bool[np.ndarray, "pairs"],
    graph: IdentityGraph,
    *,
    strata: Bool[np.ndarray, "pairs"] | None = None,
    confidence: float = 0.95,
) -> Interval:
    """Return Wilson's interval of the share of pairs with a property, with the effective number of pairs.

    Without events, or with nothing but events, the effective number is that of pairs whose errors identities explain entirely.
    With unknown identities it is the number of pairs, which makes the interval too narrow if identities repeat; the method in
    the result says so. See `dependence.effective_pairs` for sources and for the corrections for few identities.

    Args:
      events: true for the pairs with the property, such as "accepted" among different pairs for the false match rate.
      graph: identities of the pairs.
      strata: two kinds of pairs whose numbers are fixed by design, for the accuracy over same and different pairs.
      confidence: probability that the interval covers the true rate.

    Raises:
      ValueError: no pair, arrays of unequal length, or a confidence outside (0, 1).
    """
    events = np.asarray(events, bool)
    if events.ndim != 1 or not len(events) or len(graph) != len(events):
        raise ValueError(
            f"expected events [pairs], not empty, and as many pairs in the graph, found shape {events.shape}"
        )
    share = float(events.mean())
    effective = effective_pairs(events, graph, strata)
    # Wilson's interval depends on the quantile z and the number of trials by trials / z² alone, so that a quantile of Student's
    # distribution is a smaller number of trials.
    trials = effective.pairs * normal_over_student(confidence, effective.degrees_of_freedom) ** 2
    low, high = wilson_of_share(share, trials, confidence)
    method = WILSON_BY_IDENTITIES if graph.known else WILSON_INDEPENDENT
    return Interval(low, high, confidence, method, effective.pairs)
