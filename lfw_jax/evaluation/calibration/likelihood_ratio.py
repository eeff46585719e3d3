"""Maps from distances to log-likelihood ratios, and to probabilities at a stated prior."""

import dataclasses
import warnings
from typing import Protocol

import numpy as np
from jaxtyping import Bool, Float

from lfw_jax.evaluation.calibration.pav import pooled_blocks
from lfw_jax.evaluation.pair_arrays import validated


class Calibration(Protocol):
    """A map from distances to log-likelihood ratios."""

    def log_likelihood_ratio(self, distances: Float[np.ndarray, "pairs"]) -> Float[np.ndarray, "pairs"]:
        """Return the natural logarithm of the likelihood of each distance for one identity over that for two."""
        ...


@dataclasses.dataclass(frozen=True)
class LogisticCalibration:
    """An affine map: `offset + slope · distance`.

    Attributes:
      slope: change of the log-likelihood ratio per unit of distance; 0 or negative.
      offset: log-likelihood ratio at distance 0.
      separable: true if no different pair of the fit is nearer than a same pair, so that the slope rests on Platt's targets.
    """

    slope: float
    offset: float
    separable: bool = False

    def log_likelihood_ratio(self, distances: Float[np.ndarray, "pairs"]) -> Float[np.ndarray, "pairs"]:
        """Return the natural log-likelihood ratio of each distance."""
        return self.offset + self.slope * np.asarray(distances, np.float64)


@dataclasses.dataclass(frozen=True)
class IsotonicCalibration:
    """A decreasing map that is constant on and beyond blocks of distances, and linear between them.

    Attributes:
      distances: the knots, in rising order: the smallest and the largest distance of each block.
      log_likelihood_ratios: the natural log-likelihood ratio at each knot.
    """

    distances: tuple[float, ...]
    log_likelihood_ratios: tuple[float, ...]

    def log_likelihood_ratio(self, distances: Float[np.ndarray, "pairs"]) -> Float[np.ndarray, "pairs"]:
        """Return the natural log-likelihood ratio of each distance."""
        return np.interp(np.asarray(distances, np.float64), self.distances, self.log_likelihood_ratios)


def fit_logistic(distances: Float[np.ndarray, "pairs"], same: Bool[np.ndarray, "pairs"]) -> LogisticCalibration:
    """Fit the affine map by logistic regression, without regularisation.

    Both kinds of pairs get the same total weight. The fitted log-odds are then log-likelihood ratios, whatever the share of same
    pairs in the list. Source: Brümmer & du Preez, "Application-independent evaluation of speaker detection", Computer Speech
    and Language 20, 2006.

    If a threshold separates the pairs, the slope would be infinite. The labels are then replaced by Platt's targets,
    (n + 1) / (n + 2) for same and 1 / (n + 2) for different pairs. If a larger distance would count in favour of one identity,
    the distances are no evidence, and the map is 0.

    Args:
      distances: distance of each pair.
      same: true where both images show one identity.

    Raises:
      ValueError: arrays that are empty, of unequal length or not finite, or pairs of one kind only.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression  # imported here, so that other modes start without it

    distances, same = _both_kinds(distances, same)
    centre, scale = float(distances.mean()), float(distances.std())
    if scale <= 1e-12 * max(1.0, abs(centre)):
        return LogisticCalibration(slope=0.0, offset=0.0)
    separable = bool(distances[same].max() < distances[~same].min())
    counts = np.where(same, same.sum(), (~same).sum())
    wrong = 1 / (counts + 2) if separable else np.zeros(len(same))
    inputs = np.tile((distances - centre) / scale, 2)[:, None]
    labels, weights = np.concatenate([same, ~same]), np.concatenate([1 - wrong, wrong]) / np.tile(counts, 2)
    used = weights > 0
    model = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-9, max_iter=1000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # rounding may end the line search at the optimum
        model.fit(inputs[used], labels[used], sample_weight=weights[used] * len(same) / 2)
    slope, intercept = float(np.ravel(model.coef_)[0]) / scale, float(np.ravel(model.intercept_)[0])
    if slope >= 0:
        return LogisticCalibration(slope=0.0, offset=0.0)
    return LogisticCalibration(slope, intercept - slope * centre, separable)


def fit_isotonic(distances: Float[np.ndarray, "pairs"], same: Bool[np.ndarray, "pairs"]) -> IsotonicCalibration:
    """Fit the decreasing map by isotonic regression (PAV), with finite log-likelihood ratios.

    One pair of each kind is added at the smallest and at the largest distance, as in Laplace's rule of succession. Otherwise,
    a distance that only same pairs have would be infinite evidence. The share of same pairs, with those added, is the prior that
    is removed.

    Args:
      distances: distance of each pair.
      same: true where both images show one identity.

    Raises:
      ValueError: arrays that are empty, of unequal length or not finite, or pairs of one kind only.
    """
    distances, same = _both_kinds(distances, same)
    blocks = pooled_blocks(distances, same, added_at_ends=1)
    prior_log_odds = np.log(blocks.same.sum()) - np.log(blocks.different.sum())
    ratios = np.log(blocks.same) - np.log(blocks.different) - prior_log_odds
    knots = np.stack([blocks.nearest, blocks.farthest], axis=1).ravel()
    keep = np.append(True, np.diff(knots) > 0)  # a block of one distance has one knot
    return IsotonicCalibration(tuple(knots[keep].tolist()), tuple(np.repeat(ratios, 2)[keep].tolist()))


def probability(log_likelihood_ratios: Float[np.ndarray, "pairs"], prior: float = 0.5) -> Float[np.ndarray, "pairs"]:
    """Return the probability of one identity, by Bayes' rule.

    Args:
      log_likelihood_ratios: natural log-likelihood ratio of each pair.
      prior: probability of one identity before the images are seen.

    Raises:
      ValueError: a prior outside (0, 1).
    """
    if not 0 < prior < 1:
        raise ValueError(f"found the prior {prior}; expected a probability above 0 and below 1")
    log_odds = np.asarray(log_likelihood_ratios, np.float64) + np.log(prior) - np.log1p(-prior)
    return np.exp(-np.logaddexp(0.0, -log_odds))


def _both_kinds(
    distances: Float[np.ndarray, "pairs"], same: Bool[np.ndarray, "pairs"]
) -> tuple[Float[np.ndarray, "pairs"], Bool[np.ndarray, "pairs"]]:
    distances, same = validated(distances, same)
    if same.all() or not same.any():
        raise ValueError(
            f"a calibration needs pairs of both kinds, found {same.sum()} same and {(~same).sum()} different"
        )
    return distances, same
