"""The hardest, or the easiest, pair of each anchor."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from lfw_jax.metric.pairs import Pairs, detached
from lfw_jax.metric.selection import PairWeights, every_pair

STRATEGIES = ("hard", "semihard", "easy", "all")
Range = tuple[float, float]


def batch_hard(pairs: Pairs) -> PairWeights:
    """The farthest positive and the nearest negative of each anchor that has both (Hermans et al. 2017, arXiv:1703.07737).

    Of equal distances the first counts.

    Example:
      >>> from lfw_jax.metric import compare
      >>> pairs = compare(jnp.array([[0.0], [1.0], [1.5], [3.0]]), jnp.array([0, 0, 0, 1]), normalize=False)
      >>> batch_hard(pairs).positive[0].tolist()
      [0.0, 0.0, 1.0, 0.0]
    """
    return batch_easy_hard(pairs, pos_strategy="hard", neg_strategy="hard")


def batch_easy_hard(
    pairs: Pairs,
    *,
    pos_strategy: str = "easy",
    neg_strategy: str = "semihard",
    allowed_pos_range: Range | None = None,
    allowed_neg_range: Range | None = None,
) -> PairWeights:
    """One positive and one negative of each anchor, chosen by how hard they are (Xuan et al. 2020, arXiv:1904.04370).

    A hard positive is the farthest, an easy one the nearest; a hard negative is the nearest, an easy one the farthest. A
    semihard negative is the nearest that is farther than the chosen positive, a semihard positive the farthest that is
    nearer than the chosen negative. "all" takes every pair of that side. As in pytorch-metric-learning, an anchor counts
    if both sides were found; with "all" each side counts by itself. Of equal distances the first counts.

    Args:
      pairs: what `compare` returned.
      pos_strategy: "hard", "semihard", "easy" or "all".
      neg_strategy: likewise.
      allowed_pos_range: the smallest and the largest distance that a chosen positive may have, inclusive.
      allowed_neg_range: likewise for a chosen negative.

    Raises:
      ValueError: an unknown strategy, "semihard" on both sides, or "semihard" with "all".

    Example:
      >>> from lfw_jax.metric import compare
      >>> pairs = compare(jnp.array([[0.0], [1.0], [0.5], [3.0]]), jnp.array([0, 0, 1, 1]), normalize=False)
      >>> batch_easy_hard(pairs).negative[0].tolist()
      [0.0, 0.0, 0.0, 1.0]
    """
    for side, strategy in (("pos_strategy", pos_strategy), ("neg_strategy", neg_strategy)):
        if strategy not in STRATEGIES:
            raise ValueError(f"unknown {side} '{strategy}'; expected one of {', '.join(STRATEGIES)}")
    strategies = {pos_strategy, neg_strategy}
    if strategies in ({"semihard"}, {"semihard", "all"}):
        raise ValueError(
            f"pos_strategy '{pos_strategy}' does not go with neg_strategy '{neg_strategy}': semihard is relative to the one "
            "pair chosen on the other side"
        )
    pairs = detached(pairs)
    distances = pairs.distances
    everything = every_pair(pairs)
    positive = _allowed(pairs.positive, distances, allowed_pos_range)
    negative = _allowed(pairs.negative, distances, allowed_neg_range)
    # The side that is relative to the other is chosen second.
    if pos_strategy == "semihard":
        of_negative, has_negative = _choose(negative, distances, farthest=neg_strategy == "easy")
        bound = jnp.take_along_axis(distances, of_negative, axis=1)
        of_positive, has_positive = _choose(positive & (distances < bound), distances, farthest=True)
    else:
        of_positive, has_positive = _choose(positive, distances, farthest=pos_strategy == "hard")
        if neg_strategy == "semihard":
            negative = negative & (distances > jnp.take_along_axis(distances, of_positive, axis=1))
        of_negative, has_negative = _choose(negative, distances, farthest=neg_strategy == "easy")
    if "all" not in strategies:
        has_positive = has_negative = has_positive & has_negative
    places = jnp.arange(distances.shape[1])[None]
    return PairWeights(
        everything.positive if pos_strategy == "all" else (has_positive & (places == of_positive)).astype(jnp.float32),
        everything.negative if neg_strategy == "all" else (has_negative & (places == of_negative)).astype(jnp.float32),
    )


def _allowed(
    members: Bool[Array, "anchors references"], distances: Float[Array, "anchors references"], allowed: Range | None
) -> Bool[Array, "anchors references"]:
    return members if allowed is None else members & (distances >= allowed[0]) & (distances <= allowed[1])


def _choose(
    members: Bool[Array, "anchors references"], distances: Float[Array, "anchors references"], *, farthest: bool
) -> tuple[Int[Array, "anchors 1"], Bool[Array, "anchors 1"]]:
    """The place of each row's farthest or nearest member, and whether it has one."""
    if farthest:
        place = jnp.argmax(jnp.where(members, distances, -jnp.inf), axis=1, keepdims=True)
    else:
        place = jnp.argmin(jnp.where(members, distances, jnp.inf), axis=1, keepdims=True)
    return place, members.any(axis=1, keepdims=True)
