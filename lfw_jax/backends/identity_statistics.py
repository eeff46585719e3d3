"""Sufficient statistics of labelled vectors for Gaussian models, grouped by the number of images."""

import dataclasses

import numpy as np
from jaxtyping import Float, Int, Shaped

from lfw_jax.errors import UserError

_LEAST = 1e-10  # of the within-identity correlations, below which they count as singular


@dataclasses.dataclass(frozen=True, eq=False)
class IdentityStatistics:
    """All that a model of the form vector = identity + rest needs to know of the training vectors.

    The likelihood of such a model is quadratic in the vectors, with coefficients that depend on an identity only through its
    number of images. The identities with equally many images can therefore be replaced by any rows with the same Gram matrix.

    Attributes:
      mean: mean of all vectors, which is subtracted from them.
      within_scatter: sum over all vectors of the outer product of the deviation from the mean of the identity.
      rows: √m times the mean of an identity with m images; for a group of more identities than dimensions, the triangular
        factor of these.
      row_counts: m of each row.
      counts: the distinct numbers of images of an identity.
      identities: number of identities with each of these counts.
    """

    mean: Float[np.ndarray, "d"]
    within_scatter: Float[np.ndarray, "d d"]
    rows: Float[np.ndarray, "rows d"]
    row_counts: Int[np.ndarray, "rows"]
    counts: Int[np.ndarray, "groups"]
    identities: Int[np.ndarray, "groups"]

    @property
    def vectors(self) -> int:
        """Return the number of vectors."""
        return int(self.counts @ self.identities)

    @property
    def dimension(self) -> int:
        """Return the length of a vector."""
        return len(self.mean)

    def between(self) -> Float[np.ndarray, "d d"]:
        """Return the covariance of the means of the identities, each counted once."""
        means = self.rows / np.sqrt(self.row_counts)[:, None]
        return means.T @ means / self.identities.sum()

    def within(self, shrinkage: float = 0.0) -> Float[np.ndarray, "d d"]:
        """Return the unbiased covariance of the vectors around the means of their identities.

        Args:
          shrinkage: share of the average variance, the same in all directions, in the result.

        Raises:
          UserError: if there is one identity only, or if the covariance is singular.
        """
        if self.identities.sum() < 2:
            raise UserError("backend: found images of one identity; expected several. Give images of more identities.")
        freedom = self.vectors - int(self.identities.sum())
        least = 1 if shrinkage else self.dimension
        remedy = "Give more images per identity, or reduce the dimension by PCA first."
        if freedom < least:
            raise UserError(
                f"backend: found {self.vectors:,} images of {self.identities.sum():,} identities, which leave {freedom:,} "
                f"degrees of freedom within identities; expected at least {least:,} for {self.dimension:,} dimensions. {remedy}"
            )
        covariance = self.within_scatter / freedom
        average = np.trace(covariance) / self.dimension
        covariance = (1 - shrinkage) * covariance + shrinkage * average * np.eye(self.dimension)
        deviations = np.sqrt(np.diag(covariance))
        if deviations.min() == 0 or np.linalg.eigvalsh(covariance / np.outer(deviations, deviations))[0] < _LEAST:
            raise UserError(
                f"backend: found features whose {self.dimension:,} dimensions depend on one another within identities; expected "
                f"none that is constant or a combination of others. {remedy}"
            )
        return covariance


def identity_statistics(
    features: Float[np.ndarray, "n d"], labels: Shaped[np.ndarray, "n"], mean: Float[np.ndarray, "d"] | None = None
) -> IdentityStatistics:
    """Return the statistics of labelled vectors, in float64.

    Args:
      features: the vectors.
      labels: identity of each vector: numbers or names.
      mean: what is subtracted from the vectors; their own mean if None.

    Raises:
      ValueError: arrays of other shapes, empty, or with values that are not finite.
    """
    features, labels = np.asarray(features, np.float64), np.asarray(labels)
    if features.ndim != 2 or labels.shape != features.shape[:1] or not features.size:
        raise ValueError(
            f"expected features [n, d] and labels [n], found the shapes {features.shape} and {labels.shape}"
        )
    if not np.isfinite(features).all():
        raise ValueError("expected finite features, found NaN or infinity")
    _, identity, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    centre = features.mean(axis=0) if mean is None else np.asarray(mean, np.float64)
    order = np.argsort(identity, kind="stable")
    centred = features[order] - centre
    means = np.add.reduceat(centred, np.cumsum(sizes) - sizes) / sizes[:, None]
    centred -= np.repeat(means, sizes, axis=0)
    counts, group, identities = np.unique(sizes, return_inverse=True, return_counts=True)
    scaled = np.sqrt(sizes)[:, None] * means
    grouped = [_compressed(scaled[group == index]) for index in range(len(counts))]
    row_counts = np.repeat(counts, [len(rows) for rows in grouped])
    return IdentityStatistics(centre, centred.T @ centred, np.concatenate(grouped), row_counts, counts, identities)


def _compressed(rows: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "least d"]:
    """Return at most d rows with the same Gram matrix, `rowsᵀ rows`."""
    return np.asarray(np.linalg.qr(rows, mode="r")) if len(rows) > rows.shape[1] else rows
