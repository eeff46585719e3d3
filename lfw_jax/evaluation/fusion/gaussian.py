"""Correlation of the members of a fusion, and the d′ to which Gaussian scores would fuse.

If the scores of the members are Gaussian with the same covariance Σ for same and for different pairs, the likelihood ratio is
linear in them, and the best fusion has d′² = δᵀ Σ⁻¹ δ, where δ has the differences of the means (Fisher's linear discriminant).
With two members of equal d′ and correlation r this is d′·√(2 / (1 + r)): √2 times d′ for independent members, and no gain for
r = 1. With unequal covariances and their mean as Σ, no linear fusion of Gaussian scores has a greater AUC.

Sources: Fisher, "The use of multiple measurements in taxonomic problems", Annals of Eugenics 7, 1936; Su & Liu, "Linear
combinations of multiple diagnostic markers", JASA 88, 1993.
"""

import dataclasses
import itertools
import math
import statistics
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float

from lfw_jax.evaluation.diagnosis.separation import d_prime
from lfw_jax.evaluation.fusion.results import GaussianFusion, Matrix

_SINGULAR = 1e-10  # eigenvalues of a correlation matrix below it are those of copies of a member


@dataclasses.dataclass(frozen=True, eq=False)
class GaussianMembers:
    """The moments of the members' distances that determine their best linear fusion.

    Attributes:
      d_primes: d′ of each member; NaN for one whose distances do not vary.
      correlations: pooled correlations of the members, of Σ = (Σ_same + Σ_different) / 2; NaN for such a member.
    """

    d_primes: Float[np.ndarray, "members"]
    correlations: Float[np.ndarray, "members members"]

    @classmethod
    def of(cls, distances: Float[np.ndarray, "members pairs"], same: Bool[np.ndarray, "pairs"]) -> "GaussianMembers":
        """Return the moments of distances.

        Args:
          distances: the distances of each member.
          same: true where both images show one identity.
        """
        near, far = distances[:, same], distances[:, ~same]
        found = [d_prime(*member) for member in zip(near, far, strict=True)]
        d_primes = np.asarray([np.nan if value is None else value for value in found])
        pooled = (np.cov(near, ddof=0) + np.cov(far, ddof=0)).reshape(len(distances), -1) / 2
        return cls(d_primes, _as_correlations(pooled, ~np.isnan(d_primes)))

    def d_prime(self, members: Sequence[int]) -> float | None:
        """Return d′ of the best linear fusion of some members.

        A member that is a linear function of others adds nothing. The moments are those of a sample, in which a fusion of many
        members on few pairs looks better than it is.

        Args:
          members: their indices.

        Returns:
          d′ ≥ 0; None if none of these members varies.
        """
        varying = [index for index in members if not np.isnan(self.d_primes[index])]
        if not varying:
            return None
        d_primes = self.d_primes[varying]
        inverse = np.linalg.pinv(self.correlations[np.ix_(varying, varying)], rcond=_SINGULAR, hermitian=True)
        return math.sqrt(max(float(d_primes @ inverse @ d_primes), 0.0))

    def fusion(self) -> GaussianFusion | None:
        """Return the fusion of all members; None if none of them varies."""
        found = self.d_prime(range(len(self.d_primes)))
        if found is None:
            return None
        normal = statistics.NormalDist()
        return GaussianFusion(found, auc=normal.cdf(found / math.sqrt(2)), accuracy=normal.cdf(found / 2))

    def of_pairs(self) -> Matrix:
        """Return d′ of the fusion of every two members, and |d′| of each on the diagonal."""
        count = len(self.d_primes)
        values = {
            (first, second): self.d_prime(sorted({first, second}))
            for first, second in itertools.product(range(count), repeat=2)
        }
        return tuple(tuple(values[first, second] for second in range(count)) for first in range(count))


def correlations(distances: Float[np.ndarray, "members pairs"]) -> Matrix:
    """Return the correlation (Pearson) of every two members' distances.

    Args:
      distances: the distances of each member, of pairs of one kind.

    Returns:
      The matrix, with None for members whose distances do not vary.
    """
    deviations = distances.std(axis=1)
    # Equal values may have a variance of rounding errors.
    varies = deviations > 1e-12 * np.maximum(1.0, np.abs(distances).max(axis=1))
    found = _as_correlations(np.cov(distances, ddof=0).reshape(len(distances), -1), varies)
    return tuple(tuple(None if np.isnan(value) else float(value) for value in row) for row in found)


def _as_correlations(
    covariance: Float[np.ndarray, "members members"], varies: Bool[np.ndarray, "members"]
) -> Float[np.ndarray, "members members"]:
    """Return a covariance divided by the deviations; NaN for members that do not vary, and 1 on the diagonal of others."""
    deviations = np.where(varies, np.sqrt(np.diag(covariance)), np.nan)
    found = np.clip(covariance / np.outer(deviations, deviations), -1.0, 1.0)
    np.fill_diagonal(found, np.where(varies, 1.0, np.nan))
    return found
