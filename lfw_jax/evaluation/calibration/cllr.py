"""Cllr, the cost of log-likelihood ratios over all decisions, and its minimum over all monotone maps."""

import numpy as np
from jaxtyping import Bool, Float

from lfw_jax.evaluation.calibration.pav import pooled_blocks
from lfw_jax.evaluation.pair_arrays import validated


def cllr(log_likelihood_ratios: Float[np.ndarray, "pairs"], same: Bool[np.ndarray, "pairs"]) -> float:
    """Return Cllr in bits: 0 is perfect, 1 is the cost of no evidence, and more is worse than none.

    It is the mean of the logarithmic costs of the same and of the different pairs at even odds:
    `½ · mean(log2(1 + 1/LR) of same) + ½ · mean(log2(1 + LR) of different)`. Source: Brümmer & du Preez,
    "Application-independent evaluation of speaker detection", Computer Speech and Language 20, 2006.

    Args:
      log_likelihood_ratios: natural log-likelihood ratio of each pair.
      same: true where both images show one identity.

    Raises:
      ValueError: arrays that are empty, of unequal length or not finite, or pairs of one kind only.
    """
    ratios, same = validated(log_likelihood_ratios, same)
    _check_kinds(same)
    costs = np.logaddexp(0.0, -ratios[same]).mean() + np.logaddexp(0.0, ratios[~same]).mean()
    return float(costs / (2 * np.log(2)))


def min_cllr(distances: Float[np.ndarray, "pairs"], same: Bool[np.ndarray, "pairs"]) -> float:
    """Return the least Cllr, in bits, of any decreasing map from distance to log-likelihood ratio.

    The map is found on the evaluated pairs themselves, by isotonic regression (PAV). It measures discrimination alone; the
    rest of Cllr is lost by calibration.

    Args:
      distances: distance of each pair.
      same: true where both images show one identity.

    Raises:
      ValueError: arrays that are empty, of unequal length or not finite, or pairs of one kind only.
    """
    distances, same = validated(distances, same)
    _check_kinds(same)
    blocks = pooled_blocks(distances, same)
    same_shares = blocks.same / blocks.same.sum()
    different_shares = blocks.different / blocks.different.sum()
    both = same_shares + different_shares
    # A block without pairs of a kind costs that kind nothing: 0 · log 0 is 0.
    cost = _times_log(same_shares, both) + _times_log(different_shares, both)
    return float(max(0.0, cost.sum()) / (2 * np.log(2)))


def _times_log(shares: Float[np.ndarray, "blocks"], both: Float[np.ndarray, "blocks"]) -> Float[np.ndarray, "blocks"]:
    """Return `shares · log(both / shares)`, 0 where the share is 0."""
    safe = np.where(shares > 0, shares, 1.0)
    return np.where(shares > 0, shares * np.log(both / safe), 0.0)


def _check_kinds(same: Bool[np.ndarray, "pairs"]) -> None:
    if same.all() or not same.any():
        raise ValueError(f"Cllr needs pairs of both kinds, found {same.sum()} same and {(~same).sum()} different")
