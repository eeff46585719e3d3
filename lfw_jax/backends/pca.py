"""Principal component analysis with partial whitening, for many dimensions and little memory."""

from typing import Any

import numpy as np
from jaxtyping import Shaped

from lfw_jax.backends.projection import Projection, converted
from lfw_jax.errors import UserError

_POWER_ITERATIONS = 3
_LEAST_RATIO = 1e-6  # of the deviation along a component to that along the first, below which it is rounding


def fit_pca(
    features: Shaped[np.ndarray, "n d"], dimension: int, *, whitening: float = 0.5, root: bool = False, seed: int = 0
) -> Projection:
    """Return the projection onto the components of largest variance, in falling order.

    Coordinate j is divided by `variance_j ** whitening`, so that its variance is `variance_j ** (1 - 2 · whitening)`: 0 keeps the
    variances, 0.5 divides by the square root of the eigenvalue and makes all of them 1, and 0.25 lies halfway on the scale of
    logarithms. The components come from scikit-learn's randomised PCA, which reads the vectors eight times. One copy of them is
    made, in float32, or in float64 if they are of that type.

    Args:
      features: the vectors; of any kind of numbers, such as counts in uint8.
      dimension: number of components.
      whitening: exponent of the variances, between 0 and 0.5.
      root: true to take element-wise square roots first, which suits counts; the projection then does so too.
      seed: seed of the random start.

    Raises:
      ValueError: values that are not finite or have no square root, or a whitening outside [0, 0.5].
      UserError: more components than the vectors have.

    Example:
      >>> points = np.array([[0.0, 0.0], [2.0, 2.0], [4.0, 4.0], [6.0, 6.0]])
      >>> fit_pca(points, 1, whitening=0).matrix.round(4)
      array([[0.7071],
             [0.7071]])
    """
    from sklearn.decomposition import PCA  # only now, as its import takes long

    if not 0 <= whitening <= 0.5:
        raise ValueError(f"expected a whitening between 0 and 0.5, found {whitening}")
    if features.ndim != 2:
        raise ValueError(f"expected features [n, d], found the shape {features.shape}")
    if not 1 <= dimension <= min(len(features) - 1, features.shape[1]):
        raise UserError(
            f"PCA: the dimension is {dimension}; expected at least 1 and at most {min(len(features) - 1, features.shape[1])}, as "
            f"there are {len(features):,} vectors of length {features.shape[1]:,}. Choose a smaller dimension."
        )
    if root and features.min(initial=0) < 0:
        raise ValueError("expected features of at least 0 for their square roots, found negative ones")
    copy = converted(features, root, np.float64 if features.dtype == np.float64 else np.float32)
    power: Any = _POWER_ITERATIONS  # scikit-learn's default, the text "auto", passes for the type
    model = PCA(dimension, svd_solver="randomized", iterated_power=power, random_state=seed, copy=False)
    model.fit(copy)  # centres the copy in place; refuses NaN and infinity
    deviations = np.sqrt(model.explained_variance_)
    if deviations[-1] <= _LEAST_RATIO * deviations[0]:
        rank = int(np.count_nonzero(deviations > _LEAST_RATIO * deviations[0]))
        raise UserError(
            f"PCA: the dimension is {dimension}, but the vectors vary in {rank} directions only. Choose {rank} or fewer."
        )
    return Projection(model.mean_, (model.components_ / deviations[:, None] ** (2 * whitening)).T.copy(), root)
