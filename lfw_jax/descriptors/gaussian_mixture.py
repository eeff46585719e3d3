"""Mixtures of Gaussians with diagonal covariances, fitted by expectation maximisation.

Every pass over the data is a few matrix products per slice of rows, in float32 and in constant memory. Source: Dempster, Laird &
Rubin, "Maximum likelihood from incomplete data via the EM algorithm", JRSS B 1977.
"""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from lfw_jax.errors import UserError

_ROWS_AT_ONCE = 8192
_KMEANS_STEPS = 5
_SMALLEST_VARIANCE = 1e-3  # share of the data's variance: a Gaussian must not collapse on duplicates
_LEAST_COUNT = 1.0  # a Gaussian with less of the data keeps its place


@partial(jax.tree_util.register_dataclass, data_fields=("weights", "means", "variances"), meta_fields=())
@dataclasses.dataclass(frozen=True)
class DiagonalMixture:
    """A mixture of Gaussians with diagonal covariances.

    Attributes:
      weights: Weight of each Gaussian; they sum to 1.
      means: Means.
      variances: Diagonals of the covariances.
    """

    weights: Float[Array, "gaussians"]
    means: Float[Array, "gaussians dim"]
    variances: Float[Array, "gaussians dim"]


def log_joint(points: Float[Array, "points dim"], mixture: DiagonalMixture) -> Float[Array, "points gaussians"]:
    """Return the logarithm of weight × density of each point under each Gaussian.

    Their `logsumexp` over the Gaussians is the log-likelihood of a point, their softmax the posterior.

    Args:
      points: the points.
      mixture: the mixture.
    """
    precision = 1 / mixture.variances
    constant = jnp.log(mixture.weights) - 0.5 * jnp.sum(
        jnp.log(2 * jnp.pi * mixture.variances) + mixture.means**2 * precision, axis=1
    )
    return constant + points @ (mixture.means * precision).T - 0.5 * (points**2) @ precision.T


def fit_mixture(
    points: Float[np.ndarray, "points dim"],
    gaussians: int,
    *,
    seed: int,
    iterations: int = 40,
    tolerance: float = 1e-3,
) -> DiagonalMixture:
    """Fit a mixture by expectation maximisation, started from a few steps of k-means.

    Args:
      points: the data; shift it near the origin, because squares are summed in float32.
      gaussians: number of Gaussians.
      seed: seed of the choice of points that k-means starts from.
      iterations: largest number of iterations.
      tolerance: gain of the mean log-likelihood of a point, in nats, below which the iteration stops.

    Returns:
      The mixture. A variance is at least 0.1 % of that of the data, and every weight is above 0.

    Raises:
      UserError: there are not more points than Gaussians.
    """
    if not 1 <= gaussians < len(points):
        raise UserError(
            f"gaussians is {gaussians} for {len(points)} points; expected at least 1 and fewer than points. Sample more points."
        )
    slices, mask = _sliced(np.asarray(points, np.float32))
    variance = np.maximum(np.var(points, axis=0, dtype=np.float64), 1e-12)
    floor = jnp.asarray(_SMALLEST_VARIANCE * variance, jnp.float32)
    chosen = np.random.default_rng(seed).choice(len(points), gaussians, replace=False)
    mixture = DiagonalMixture(
        jnp.full(gaussians, 1 / gaussians),
        jnp.asarray(points[chosen], jnp.float32),
        jnp.full((gaussians, points.shape[1]), variance.mean(), jnp.float32),
    )
    for _ in range(_KMEANS_STEPS):
        moved, _ = _step(slices, mask, mixture, floor, hard=True)
        mixture = dataclasses.replace(mixture, means=moved.means)
    mixture, _ = _step(slices, mask, mixture, floor, hard=True)
    former = -np.inf
    for _ in range(iterations):
        mixture, likelihood = _step(slices, mask, mixture, floor, hard=False)
        if float(likelihood) - former < tolerance:
            break
        former = float(likelihood)
    return mixture


@partial(jax.jit, static_argnames="hard")
def _step(
    slices: jax.Array, mask: jax.Array, mixture: DiagonalMixture, floor: jax.Array, *, hard: bool
) -> tuple[DiagonalMixture, jax.Array]:
    """Return the mixture after one step, and the mean log-likelihood of a point before it.

    Args:
      slices: the data `[slices, rows, dim]`, padded.
      mask: 1 for data, 0 for padding, `[slices, rows]`.
      mixture: the mixture before the step.
      floor: the smallest variance of each dimension.
      hard: assign a point to its likeliest Gaussian, as k-means does, instead of in shares.
    """

    def add(total, piece):
        points, real = piece
        joint = log_joint(points, mixture)
        share = jax.nn.one_hot(joint.argmax(axis=1), joint.shape[1]) if hard else jax.nn.softmax(joint)
        share *= real[:, None]
        likelihood = jnp.sum(jax.nn.logsumexp(joint, axis=1) * real)
        terms = share.sum(axis=0), share.T @ points, share.T @ points**2, likelihood
        return jax.tree.map(jnp.add, total, terms), None

    zeros = jnp.zeros_like(mixture.means)
    start = jnp.zeros_like(mixture.weights), zeros, zeros, jnp.zeros(())
    (counts, sums, squares, likelihood), _ = jax.lax.scan(add, start, (slices, mask))
    n = jnp.maximum(counts, _LEAST_COUNT)[:, None]
    means = sums / n
    variances = jnp.maximum(squares / n - means**2, floor)
    kept = (counts < _LEAST_COUNT)[:, None]
    moved = DiagonalMixture(
        n[:, 0] / n.sum(),
        jnp.where(kept, mixture.means, means),
        jnp.where(kept, mixture.variances, variances),
    )
    return moved, likelihood / mask.sum()


def _sliced(points: Float[np.ndarray, "points dim"]) -> tuple[jax.Array, jax.Array]:
    """Return the data in slices of rows, padded with zeros, and a mask of the data."""
    rows = min(_ROWS_AT_ONCE, len(points))
    slices = -(-len(points) // rows)
    padded = np.zeros((slices * rows, points.shape[1]), np.float32)
    padded[: len(points)] = points
    mask = (np.arange(slices * rows) < len(points)).astype(np.float32)
    return jnp.asarray(padded.reshape(slices, rows, -1)), jnp.asarray(mask.reshape(slices, rows))
