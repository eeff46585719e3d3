"""Separation of the distances of same and of different pairs: d′, overlap, equal error rate."""

import dataclasses
import math
import statistics

import numpy as np
from jaxtyping import Bool, Float

from lfw_jax.evaluation.error_rates import equal_error_rate
from lfw_jax.evaluation.pair_arrays import counts_by_distance, validated
from lfw_jax.evaluation.thresholds import middle_of_widest

_GRID = 2048
_SPREAD = 4.0  # kernel deviations that the grid reaches beyond the data


@dataclasses.dataclass(frozen=True)
class Separation:
    """Separation of the two distributions of distances.

    Attributes:
      same_mean: mean distance of the same pairs.
      same_std: standard deviation of their distances.
      different_mean: mean distance of the different pairs.
      different_std: standard deviation of their distances.
      d_prime: difference of the means in units of the pooled standard deviation; None if neither kind varies.
      overlap: overlap coefficient of the two densities, from 0 to 1.
      gaussian_accuracy: Φ(d′/2), the best accuracy of Gaussian distances of equal variance and as many pairs of either kind.
      gaussian_auc: Φ(d′/√2), the area under the ROC curve of Gaussian distances.
      equal_error_rate: rate at which FMR and FNMR are equal, by linear interpolation between thresholds.
      equal_error_threshold: threshold at which they are nearest to each other.
    """

    same_mean: float
    same_std: float
    different_mean: float
    different_std: float
    d_prime: float | None
    overlap: float
    gaussian_accuracy: float | None
    gaussian_auc: float | None
    equal_error_rate: float
    equal_error_threshold: float


def separation(distances: Float[np.ndarray, "pairs"], same: Bool[np.ndarray, "pairs"]) -> Separation:
    """Return the separation of same and different pairs.

    Args:
      distances: distance of each pair.
      same: true where both images show one identity.

    Raises:
      ValueError: arrays that are empty, of unequal length or not finite, or pairs of one kind only.
    """
    distances, same = validated(distances, same)
    near, far = distances[same], distances[~same]
    if not len(near) or not len(far):
        raise ValueError(f"expected pairs of both kinds, found {len(near)} same and {len(far)} different")
    difference = d_prime(near, far)
    rate, _ = equal_error_rate(distances, same)
    normal = statistics.NormalDist()
    return Separation(
        same_mean=float(near.mean()),
        same_std=float(near.std()),
        different_mean=float(far.mean()),
        different_std=float(far.std()),
        d_prime=difference,
        overlap=overlap_coefficient(near, far),
        gaussian_accuracy=None if difference is None else normal.cdf(difference / 2),
        gaussian_auc=None if difference is None else normal.cdf(difference / math.sqrt(2)),
        equal_error_rate=rate,
        equal_error_threshold=_nearest_threshold(distances, same),
    )


def d_prime(near: Float[np.ndarray, "same"], far: Float[np.ndarray, "different"]) -> float | None:
    """Return d′, the difference of two means divided by the pooled standard deviation √((σ₁² + σ₂²) / 2).

    Source: Green & Swets, "Signal Detection Theory and Psychophysics", 1966; for unequal variances the index d_a of Simpson &
    Fitter, "What is the best index of detectability?", Psychological Bulletin 80, 1973.

    Args:
      near: distances of the same pairs.
      far: distances of the different pairs.

    Returns:
      d′, positive if different pairs are farther apart; None if neither kind varies.
    """
    pooled = math.sqrt((float(near.var()) + float(far.var())) / 2)
    # Equal values may have a variance of rounding errors, on which a quotient would be noise.
    if pooled <= 1e-12 * max(1.0, float(np.abs(near).max()), float(np.abs(far).max())):
        return None
    return (float(far.mean()) - float(near.mean())) / pooled


def overlap_coefficient(first: Float[np.ndarray, "first"], second: Float[np.ndarray, "second"]) -> float:
    """Return the overlap ∫ min(f, g) of two densities: 1 if they are equal, 0 if they are apart.

    The densities are Gaussian kernel estimates with Silverman's bandwidth. The kernels widen both, so the estimate is slightly
    too large; the bias shrinks with the number of values. Sources: Inman & Bradley, "The overlapping coefficient as a measure of
    agreement between probability distributions", Communications in Statistics 18, 1989; Silverman, "Density Estimation", 1986.

    Args:
      first: values of the first kind, at least one.
      second: values of the second kind, at least one.
    """
    low, high = min(first.min(), second.min()), max(first.max(), second.max())
    if high - low <= 1e-12 * max(1.0, abs(low), abs(high)):
        return 1.0
    widths = [max(_bandwidth(values), (high - low) / _GRID) for values in (first, second)]
    reach = _SPREAD * max(widths)
    edges = np.linspace(low - reach, high + reach, _GRID + 1)
    densities = [_density(values, edges, width) for values, width in zip((first, second), widths, strict=True)]
    return float(np.clip(np.minimum(*densities).sum(), 0.0, 1.0))


def _bandwidth(values: np.ndarray) -> float:
    """Return Silverman's bandwidth, 0.9 · min(σ, IQR / 1.34) · n^(-1/5)."""
    upper, lower = np.percentile(values, [75, 25])
    spreads = [spread for spread in (float(values.std()), float(upper - lower) / 1.34) if spread > 0]
    return 0.9 * min(spreads, default=0.0) * len(values) ** -0.2


def _density(values: np.ndarray, edges: np.ndarray, width: float) -> Float[np.ndarray, "bins"]:
    """Return the share of the kernel estimate in each bin: the histogram, convolved with the kernel."""
    from scipy.ndimage import gaussian_filter1d

    counts, _ = np.histogram(values, edges)
    smooth = gaussian_filter1d(counts / len(values), width / (edges[1] - edges[0]), mode="constant", truncate=_SPREAD)
    return smooth / smooth.sum()


def _nearest_threshold(distances: np.ndarray, same: np.ndarray) -> float:
    """Return the threshold at which FMR and FNMR are nearest to each other."""
    values, same_counts, different_counts = counts_by_distance(distances, same)
    false_matches = np.append(0, np.cumsum(different_counts)) / different_counts.sum()
    matches = np.append(0, np.cumsum(same_counts)) / same_counts.sum()
    return middle_of_widest(values, -np.abs(false_matches + matches - 1))
