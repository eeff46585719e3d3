"""Pool-adjacent-violators (PAV): the best monotone map from distance to the share of same pairs."""

import dataclasses

import numpy as np
from jaxtyping import Bool, Float, Int

from lfw_jax.evaluation.pair_arrays import counts_by_distance


@dataclasses.dataclass(frozen=True, eq=False)
class Blocks:
    """Blocks of pairs of neighbouring distances, of which the share of same pairs decreases strictly.

    Attributes:
      nearest: the smallest distance of each block, in rising order.
      farthest: the largest distance of each block.
      same: number of same pairs of each block.
      different: number of different pairs of each block.
    """

    nearest: Float[np.ndarray, "blocks"]
    farthest: Float[np.ndarray, "blocks"]
    same: Int[np.ndarray, "blocks"]
    different: Int[np.ndarray, "blocks"]


def pooled_blocks(
    distances: Float[np.ndarray, "pairs"], same: Bool[np.ndarray, "pairs"], *, added_at_ends: int = 0
) -> Blocks:
    """Return the blocks of the isotonic regression of the label on the distance, decreasing.

    Source: Ayer et al., "An empirical distribution function for sampling with incomplete information", Ann. Math. Stat. 26,
    1955. The regression itself is scikit-learn's; counts instead of shares keep the blocks exact.

    Args:
      distances: distance of each pair.
      same: true where both images show one identity.
      added_at_ends: pairs of each kind that are added at the smallest and at the largest distance, whose blocks then have
        pairs of both kinds.

    Raises:
      ValueError: arrays that are empty, of unequal length or not finite.
    """
    from sklearn.isotonic import IsotonicRegression  # imported here, so that other modes start without it

    values, same_counts, different_counts = counts_by_distance(distances, same)
    for end in (0, -1) if added_at_ends else ():
        same_counts[end] += added_at_ends
        different_counts[end] += added_at_ends
    totals = same_counts + different_counts
    index = np.arange(len(values), dtype=np.float64)
    shares = IsotonicRegression(increasing=False).fit_transform(index, same_counts / totals, sample_weight=totals)
    starts = np.append(0, np.flatnonzero(np.diff(shares)) + 1)
    same_sums, different_sums = np.add.reduceat(same_counts, starts), np.add.reduceat(different_counts, starts)
    ends = np.append(starts[1:], len(values)) - 1
    return _merged(Blocks(values[starts], values[ends], same_sums, different_sums))


def _merged(blocks: Blocks) -> Blocks:
    """Merge neighbours whose shares are equal as fractions, though rounding separated them."""
    totals = blocks.same + blocks.different
    falls = blocks.same[:-1] * totals[1:] > blocks.same[1:] * totals[:-1]
    starts = np.append(0, np.flatnonzero(falls) + 1)
    ends = np.append(starts[1:], len(totals)) - 1
    return Blocks(
        nearest=blocks.nearest[starts],
        farthest=blocks.farthest[ends],
        same=np.add.reduceat(blocks.same, starts),
        different=np.add.reduceat(blocks.different, starts),
    )
