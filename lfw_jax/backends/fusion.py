"""Fusion of the scores of several members into one log-likelihood ratio, by logistic regression."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from lfw_jax.errors import UserError

REGULARISATION = 1e-3
"""Weight of the penalty unless told otherwise: it keeps the weights finite where the scores separate the pairs."""


@dataclasses.dataclass(frozen=True, eq=False)
class Fusion:
    """A weighted sum of scores, as a log-likelihood ratio.

    Attributes:
      weights: weight of the score of each member.
      bias: what is added.
    """

    weights: Float[np.ndarray, "members"]
    bias: float


def fuse(fusion: Fusion, scores: Float[np.ndarray | Array, "*pairs members"]) -> Float[np.ndarray | Array, "*pairs"]:
    """Return the log-odds of one identity, at equal prior probabilities: the log-likelihood ratio.

    Args:
      fusion: the fitted weights.
      scores: score of each pair by each member, in the order of the fit; larger is more similar.
    """
    if isinstance(scores, jax.Array):
        return scores @ jnp.asarray(fusion.weights, scores.dtype) + fusion.bias
    return np.asarray(scores, np.float64) @ fusion.weights + fusion.bias


def fit_fusion(
    scores: Float[np.ndarray, "pairs members"],
    same: Bool[np.ndarray, "pairs"],
    *,
    nonnegative: bool = True,
    regularisation: float = REGULARISATION,
) -> Fusion:
    """Fit weights and bias by logistic regression on pairs that no member was trained on.

    Minimises the mean of `log(1 + exp(-log-odds))` over same pairs and `log(1 + exp(log-odds))` over different pairs, with the
    same total weight for both kinds, plus `regularisation / 2` times the squared weights of standardised scores. The problem is
    convex, and its solution does not depend on the scale of a member's scores. Source: Brümmer et al., "Fusion of heterogeneous
    speaker recognition systems in the STBU submission for the NIST speaker recognition evaluation 2006", IEEE TASLP 15(7), 2007.

    Args:
      scores: score of each pair by each member; larger is more similar.
      same: true for pairs of one identity.
      nonnegative: true for weights of at least 0, so that no member votes against its own score.
      regularisation: weight of the penalty, above 0.

    Raises:
      ValueError: arrays of other shapes, values that are not finite, or a regularisation that is not above 0.
      UserError: pairs of one kind only.

    Example:
      >>> scores = np.array([[2.0, 1.0], [3.0, 2.0], [-1.0, 2.0], [0.0, 1.0]])
      >>> fusion = fit_fusion(scores, np.array([True, True, False, False]))
      >>> bool(fusion.weights[0] > 1), float(fusion.weights[1].round(6))
      (True, 0.0)
    """
    scores, same = _checked(scores, same)
    if not 0 < regularisation < np.inf:
        raise ValueError(f"expected a regularisation above 0, found {regularisation}")
    centre, scale = _moments(scores, same)
    weights, bias = _solution((scores - centre) / scale, same, nonnegative, regularisation)
    return Fusion(weights / scale, float(bias - weights @ (centre / scale)))


def equal_weights(scores: Float[np.ndarray, "pairs members"], same: Bool[np.ndarray, "pairs"]) -> Fusion:
    """Return the fusion that adds standardised scores; only the scale and the bias of the sum are fitted.

    Two parameters cannot overfit: the choice for a few hundred pairs, or for members that are about equally good.

    Args:
      scores: score of each pair by each member; larger is more similar.
      same: true for pairs of one identity.

    Raises:
      ValueError: arrays of other shapes, or values that are not finite.
      UserError: pairs of one kind only.
    """
    scores, same = _checked(scores, same)
    centre, scale = _moments(scores, same)
    common = fit_fusion(((scores - centre) / scale).sum(axis=1, keepdims=True), same)
    weights = common.weights[0] / scale
    return Fusion(weights, float(common.bias - weights @ centre))


def _checked(scores: np.ndarray, same: np.ndarray) -> tuple[Float[np.ndarray, "p m"], Bool[np.ndarray, "p"]]:
    scores, same = np.asarray(scores, np.float64), np.asarray(same)
    if scores.ndim != 2 or not scores.shape[1] or same.shape != scores.shape[:1] or same.dtype != bool:
        raise ValueError(
            f"expected scores [pairs, members] and booleans [pairs], found the shapes {scores.shape} and {same.shape}"
        )
    if not np.isfinite(scores).all():
        raise ValueError("expected finite scores, found NaN or infinity")
    if same.all() or not same.any():
        raise UserError(
            f"fusion: found {same.sum():,} same and {(~same).sum():,} different pairs; expected pairs of both kinds. "
            "Hold out more identities."
        )
    return scores, same


def _moments(
    scores: Float[np.ndarray, "p m"], same: Bool[np.ndarray, "p"]
) -> tuple[Float[np.ndarray, "m"], Float[np.ndarray, "m"]]:
    """Return mean and deviation with the same weight for both kinds of pairs; infinity for a constant score."""
    means = np.stack([scores[same].mean(axis=0), scores[~same].mean(axis=0)])
    centre = means.mean(axis=0)
    scale = np.sqrt(sum(((scores[kind] - centre) ** 2).mean(axis=0) for kind in (same, ~same)) / 2)
    return centre, np.where(scale > 1e-12 * np.abs(scores).max(axis=0), scale, np.inf)


def _solution(
    inputs: Float[np.ndarray, "p m"], same: Bool[np.ndarray, "p"], nonnegative: bool, regularisation: float
) -> tuple[Float[np.ndarray, "m"], float]:
    """Return the weights and the bias of standardised scores."""
    from scipy.optimize import minimize  # only now, as its import takes long

    signs = np.where(same, 1.0, -1.0)
    shares = np.where(same, 0.5 / same.sum(), 0.5 / (~same).sum())
    rows = np.concatenate([inputs, np.ones((len(inputs), 1))], axis=1) * signs[:, None]

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        margins = rows @ parameters
        penalised = np.append(parameters[:-1], 0.0)
        value = shares @ np.logaddexp(0, -margins) + regularisation / 2 * penalised @ penalised
        return value, -rows.T @ (shares * np.exp(-np.logaddexp(0, margins))) + regularisation * penalised

    bounds = [(0 if nonnegative else None, None)] * inputs.shape[1] + [(None, None)]
    found = minimize(
        loss,
        np.zeros(len(bounds)),
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options=dict(gtol=1e-10, ftol=0, maxiter=1000),
    )
    return found.x[:-1], float(found.x[-1])
