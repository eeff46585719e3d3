"""Log-likelihood ratio of two Gaussian vectors, as a quadratic form and as a distance."""

import abc
import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

Vectors = Float[np.ndarray | Array, "*batch d"]


@dataclasses.dataclass(frozen=True, eq=False)
class PairScore:
    """The log-likelihood ratio of a pair, in the basis that makes both covariances diagonal.

    With `z = (x - mean) · basis`, each coordinate has variance 1 within an identity and `ratios` between identities,
    independently of the other coordinates. The functions take NumPy arrays, and compute in float64, or JAX arrays, also
    under `jit` and `grad`, and compute in their precision.

    Attributes:
      mean: mean of the vectors.
      basis: the basis, one column per coordinate.
      ratios: variance between identities over that within, λ > 0. Coordinates with λ = 0 do not change the ratio and are left
        out.
    """

    mean: Float[np.ndarray, "d"]
    basis: Float[np.ndarray, "d k"]
    ratios: Float[np.ndarray, "k"]

    @property
    def constant(self) -> float:
        """Return the term that is the same for all pairs: Σ log(1 + λ) - ½ log(1 + 2λ)."""
        return float(np.sum(np.log1p(self.ratios) - np.log1p(2 * self.ratios) / 2))


class IdentityModel(abc.ABC):
    """A model whose pairs are scored by a `PairScore`: joint Bayesian or PLDA."""

    @functools.cached_property
    def score(self) -> PairScore:
        """Return the score of a pair, in the basis that makes both covariances diagonal. It is computed once."""
        return self._score()

    @abc.abstractmethod
    def _score(self) -> PairScore: ...


def pair_score(
    between: Float[np.ndarray, "d d"], within: Float[np.ndarray, "d d"], mean: Float[np.ndarray, "d"]
) -> PairScore:
    """Return the score of two covariances.

    Args:
      between: covariance of the means of identities, positive semidefinite.
      within: covariance of a vector around the mean of its identity, positive definite.
      mean: mean of the vectors.
    """
    ratios, basis = simultaneous_diagonalisation(between, within)
    kept = ratios > 8 * len(ratios) * np.finfo(np.float64).eps * ratios.max()
    return PairScore(np.asarray(mean, np.float64), basis[:, kept], ratios[kept])


def simultaneous_diagonalisation(
    between: Float[np.ndarray, "d d"], within: Float[np.ndarray, "d d"]
) -> tuple[Float[np.ndarray, "d"], Float[np.ndarray, "d d"]]:
    """Return λ, falling, and V with `Vᵀ within V = I` and `Vᵀ between V = diag(λ)`.

    With `within = L Lᵀ` and the eigenvectors U of `L⁻¹ between L⁻ᵀ`, V is `L⁻ᵀ U`.

    Args:
      between: a positive semidefinite matrix.
      within: a positive definite matrix.
    """
    inverse = np.linalg.inv(np.linalg.cholesky(within))
    whitened = inverse @ between @ inverse.T
    ratios, vectors = np.linalg.eigh((whitened + whitened.T) / 2)
    return np.maximum(ratios[::-1], 0.0), inverse.T @ vectors[:, ::-1]


def embedding(
    model: IdentityModel, features: Float[np.ndarray | Array, "n d"]
) -> tuple[Float[np.ndarray | Array, "n k"], Float[np.ndarray | Array, "n"]]:
    """Return vectors v and offsets o whose distances are the log-likelihood ratios.

    For any two rows `ratio = model.score.constant - ½ ‖v₁ - v₂‖² + o₁ + o₂`, exactly. Per coordinate, the two exponents
    differ by `-½ λ / (1 + 2λ) · (z₁ - z₂)² + ½ λ / ((1 + λ)(1 + 2λ)) · (z₁² + z₂²)`: the first term is the distance, the second
    the offsets. An offset is large for a vector far from the mean, for which a coincidence is less likely.

    Args:
      model: the model.
      features: the vectors.
    """
    score = model.score
    coordinates, xp = _coordinates(score, features)
    weights = score.ratios / (1 + 2 * score.ratios)
    offsets = coordinates**2 @ xp.asarray(weights / (1 + score.ratios), coordinates.dtype) / 2
    return coordinates * xp.asarray(np.sqrt(weights), coordinates.dtype), offsets


def log_likelihood_ratio(model: IdentityModel, first: Vectors, second: Vectors) -> Float[np.ndarray | Array, "*batch"]:
    """Return the log-likelihood ratio of each pair of vectors: one identity over two.

    Args:
      model: the model.
      first: first vector of each pair.
      second: second vector of each pair.
    """
    score = model.score
    one, xp = _coordinates(score, first)
    other, _ = _coordinates(score, second)
    weights = score.ratios / (1 + 2 * score.ratios)
    apart = (one - other) ** 2 @ xp.asarray(weights / 2, one.dtype)
    far = (one**2 + other**2) @ xp.asarray(weights / (1 + score.ratios) / 2, one.dtype)
    return score.constant - apart + far


def score_matrix(
    model: IdentityModel, first: Float[np.ndarray | Array, "n d"], second: Float[np.ndarray | Array, "m d"]
) -> Float[np.ndarray | Array, "n m"]:
    """Return the log-likelihood ratio of every vector of one set with every vector of another.

    Args:
      model: the model.
      first: vectors of the rows.
      second: vectors of the columns.
    """
    (one, one_offsets), (other, other_offsets) = embedding(model, first), embedding(model, second)
    one_offsets, other_offsets = (one_offsets - (one**2).sum(-1) / 2, other_offsets - (other**2).sum(-1) / 2)
    return one @ other.T + (one_offsets[:, None] + other_offsets[None, :] + model.score.constant)


def _coordinates(score: PairScore, features: Vectors) -> tuple[Any, Any]:
    """Return the coordinates of vectors in the basis, and the module of their kind of arrays."""
    if isinstance(features, jax.Array):
        features = features if jnp.issubdtype(features.dtype, jnp.floating) else features.astype(jnp.float32)
        return (features - jnp.asarray(score.mean, features.dtype)) @ jnp.asarray(score.basis, features.dtype), jnp
    return (np.asarray(features, np.float64) - score.mean) @ score.basis, np
