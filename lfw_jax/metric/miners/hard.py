"""Miners of the hardest or the easiest pair of each anchor."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from lfw_jax.metric.pairs import Pairs, detached
from lfw_jax.metric.selection import PairWeights, every_pair

STRATEGIES = ("hard", "semihard", "easy", "all")
Range = tuple[float, float]


def batch_hard(pairs: Pairs) -> PairWeights:
    """Select the farthest positive and the nearest negative of each anchor that has both.

    Source: Hermans et al. 2017, "In Defense of the Triplet Loss for Person Re-Identification" (arXiv:1703.07737),
    section 2.

    Args:
      pairs: Result of `compare`.

    Returns:
      The selection, each pair with count 1. Of equal distances the first one in row order is selected.

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
    """Select one positive and one negative of each anchor by difficulty.

    Source: Xuan et al. 2020, "Improved Embeddings with Easy Positive Triplet Mining" (arXiv:1904.04370).

    A hard positive is the farthest and an easy one the nearest; a hard negative is the nearest and an easy one the
    farthest. A semihard negative is the nearest of those farther than the selected positive; a semihard positive is
    the farthest of those nearer than the selected negative. "all" selects every pair of that side. As in
    pytorch-metric-learning, an anchor counts only if both sides were found; with "all" each side counts
    independently. Of equal distances the first one in row order is selected.

    Args:
      pairs: Result of `compare`.
      pos_strategy: "hard", "semihard", "easy" or "all".
      neg_strategy: "hard", "semihard", "easy" or "all".
      allowed_pos_range: Smallest and largest distance of a selected positive, inclusive; None for no limit.
      allowed_neg_range: Smallest and largest distance of a selected negative, inclusive; None for no limit.

    Returns:
      The selection, each pair with count 1.

    Raises:
      ValueError: If a strategy is unknown, or "semihard" is combined with "semihard" or "all".

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
            f"pos_strategy '{pos_strategy}' does not go with neg_strategy '{neg_strategy}': semihard is relative to the "
            "one pair selected on the other side"
        )
    pairs = detached(pairs)
    distances = pairs.distances
    everything = every_pair(pairs)
    positive = _allowed(pairs.positive, distances, allowed_pos_range)
    negative = _allowed(pairs.negative, distances, allowed_neg_range)
    # The side that is relative to the other is selected second.
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
    columns = jnp.arange(distances.shape[1])[None]
    return PairWeights(
        everything.positive if pos_strategy == "all" else (has_positive & (columns == of_positive)).astype(jnp.float32),
        everything.negative if neg_strategy == "all" else (has_negative & (columns == of_negative)).astype(jnp.float32),
    )


def _allowed(
    members: Bool[Array, "anchors references"], distances: Float[Array, "anchors references"], allowed: Range | None
) -> Bool[Array, "anchors references"]:
    return members if allowed is None else members & (distances >= allowed[0]) & (distances <= allowed[1])


def _choose(
    members: Bool[Array, "anchors references"], distances: Float[Array, "anchors references"], *, farthest: bool
) -> tuple[Int[Array, "anchors 1"], Bool[Array, "anchors 1"]]:
    """Return the column of each row's farthest or nearest member, and a mask of the rows that have one."""
    if farthest:
        column = jnp.argmax(jnp.where(members, distances, -jnp.inf), axis=1, keepdims=True)
    else:
        column = jnp.argmin(jnp.where(members, distances, jnp.inf), axis=1, keepdims=True)
    return column, members.any(axis=1, keepdims=True)
