"""Linear discriminant analysis as a projection."""

import numpy as np
from jaxtyping import Float, Shaped

from lfw_jax.backends.blas_threads import one_blas_thread
from lfw_jax.backends.identity_statistics import identity_statistics
from lfw_jax.backends.pair_score import simultaneous_diagonalisation
from lfw_jax.backends.projection import Projection
from lfw_jax.errors import UserError


def fit_lda(
    features: Float[np.ndarray, "n d"],
    labels: Shaped[np.ndarray, "n"],
    *,
    dimension: int | None = None,
    shrinkage: float = 0.0,
) -> Projection:
    """Return the directions of largest variance between identities over that within, as a projection.

    The projected vectors have the identity matrix as their covariance within identities, and falling variances between. These are
    the directions of scikit-learn's `LinearDiscriminantAnalysis`, from sums over all images instead of a covariance per class, so
    that thousands of identities cost no more than ten.

    Args:
      features: the vectors.
      labels: identity of each vector: numbers or names.
      dimension: number of directions; None for all: d, or the number of identities less one if that is smaller.
      shrinkage: share of the average variance, the same in all directions, in the covariance within identities; above 0 where
        there are few images.

    Raises:
      ValueError: arrays of other shapes, values that are not finite, or a shrinkage outside [0, 1].
      UserError: fewer than two identities, a dimension out of range, or a singular covariance within identities.
    """
    if not 0 <= shrinkage <= 1:
        raise ValueError(f"expected a shrinkage between 0 and 1, found {shrinkage}")
    with one_blas_thread(np.shape(features)[-1]):
        statistics = identity_statistics(features, labels)
        identities = int(statistics.identities.sum())
        most = min(statistics.dimension, identities - 1)
        if dimension is not None and not 1 <= dimension <= most:
            raise UserError(
                f"LDA: the dimension is {dimension}; expected at least 1 and at most {most}, as there are {identities:,} "
                f"identities and vectors of length {statistics.dimension:,}. Choose a smaller dimension, or None for all."
            )
        within = statistics.within(shrinkage)
        between = statistics.rows.T @ statistics.rows / statistics.vectors
        _, basis = simultaneous_diagonalisation(between, within)
    return Projection(statistics.mean, basis[:, : dimension or most].copy())
