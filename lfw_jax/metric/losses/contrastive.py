"""Contrastive loss of a batch compared with itself, or of listed pairs."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from lfw_jax.metric.pairs import Pairs
from lfw_jax.metric.selection import PairWeights, checked_weights, mean_above_zero, nan_if_broken, safe_divide
from lfw_jax.metric.vectors import nan_unless_finite, normalized, safe_sqrt

FORMS = ("linear", "squared")


def contrastive(
    pairs: Pairs,
    weights: PairWeights | None = None,
    *,
    form: str = "linear",
    pos_margin: float = 0.0,
    neg_margin: float = 1.0,
) -> Float[Array, ""]:
    """Contrastive loss in a linear and a squared form.

    Source: Hadsell et al. 2006, "Dimensionality Reduction by Learning an Invariant Mapping" (CVPR).

    "linear", as in pytorch-metric-learning (PML): `relu(d − pos_margin)` of positives and `relu(neg_margin − d)` of
    negatives. Each side is averaged over its entries above 0; the loss is the sum of both averages. (PML 2.9.0
    returns 0 for a selection of a single triplet; here it counts.)

    "squared": `d²` of positives and `relu(neg_margin² − d²)` of negatives, averaged over all selected pairs;
    `pos_margin` must be 0.

    Args:
      pairs: Result of `compare`; the squared form requires Euclidean distances.
      weights: Count of each pair, as a miner returns it; None counts every pair once.
      form: "linear" or "squared".
      pos_margin: Distance below which a positive costs nothing, in the unit of `pairs.distances`.
      neg_margin: Distance above which a negative costs nothing, in the unit of `pairs.distances`.

    Returns:
      The loss, a float32 scalar; 0 for an empty selection.

    Raises:
      ValueError: If the form is unknown, the squared form has a `pos_margin` or distances that are not Euclidean, or
        the shape of `weights` does not match `pairs`.

    Example:
      >>> from lfw_jax.metric import compare, miners
      >>> pairs = compare(jnp.array([[1.0, 0.0], [0.8, 0.6], [0.6, 0.8]]), jnp.array([0, 0, 1]))
      >>> round(float(contrastive(pairs)), 4)
      1.0438
      >>> hard = miners.triplet_margin(pairs, kind="hard")
      >>> round(float(contrastive(pairs, hard)), 4)
      1.3496
    """
    _check_form(form, pos_margin)
    if form == "squared" and pairs.metric != "euclidean":
        raise ValueError(f"the squared form needs Euclidean distances, found {pairs.metric}")
    weights = checked_weights(pairs, weights)
    loss = _contrastive(pairs.distances, weights.positive, weights.negative, form, pos_margin, neg_margin)
    return nan_if_broken(loss, pairs)


def contrastive_of_pairs(
    first: Float[Array, "pairs dim"],
    second: Float[Array, "pairs dim"],
    same: Bool[Array, "pairs"],
    *,
    form: str = "linear",
    pos_margin: float = 0.0,
    neg_margin: float = 1.0,
    normalize: bool = True,
) -> Float[Array, ""]:
    """Contrastive loss of listed pairs, as a Siamese network receives them.

    Source: Hadsell et al. 2006, "Dimensionality Reduction by Learning an Invariant Mapping" (CVPR). `contrastive`
    describes the two forms.

    Args:
      first: First embedding of each pair, float32 or bfloat16.
      second: Second embedding of each pair.
      same: True where both embeddings of a pair are of one class.
      form: "linear" or "squared".
      pos_margin: Euclidean distance below which a positive costs nothing; 0 in the squared form.
      neg_margin: Euclidean distance above which a negative costs nothing.
      normalize: Scale embeddings to unit length first.

    Returns:
      The loss, a float32 scalar.

    Raises:
      ValueError: If shapes do not match, the form is unknown, or the squared form has a `pos_margin`.
      TypeError: If `same` is not boolean or embeddings are not floating point.

    Example:
      >>> first, second = jnp.array([[3.0, 4.0], [1.0, 0.0]]), jnp.array([[0.0, 0.0], [1.0, 0.5]])
      >>> same = jnp.array([True, False])
      >>> float(contrastive_of_pairs(first, second, same, form="squared", normalize=False))
      12.875
    """
    if first.ndim != 2 or first.shape != second.shape or same.shape != first.shape[:1]:
        raise ValueError(
            f"expected first and second [pairs, dim] and same [pairs], found {first.shape}, {second.shape}, {same.shape}"
        )
    if same.dtype != jnp.bool_:
        raise TypeError(f"same must be boolean, found {same.dtype}")
    for name, embeddings in (("first", first), ("second", second)):
        if not jnp.issubdtype(embeddings.dtype, jnp.floating):
            raise TypeError(f"{name} must be floating-point numbers, found {embeddings.dtype}")
    _check_form(form, pos_margin)
    left, right = (normalized(side) if normalize else nan_unless_finite(side) for side in (first, second))
    distances = safe_sqrt(jnp.sum((left - right) ** 2, axis=1))
    positive = same.astype(jnp.float32)
    return _contrastive(distances, positive, 1.0 - positive, form, pos_margin, neg_margin)


def _check_form(form: str, pos_margin: float) -> None:
    if form not in FORMS:
        raise ValueError(f"unknown form '{form}'; expected one of {', '.join(FORMS)}")
    if form == "squared" and pos_margin:
        raise ValueError(f"the squared form has no pos_margin, found {pos_margin}")


def _contrastive(
    distances: Array, positive: Array, negative: Array, form: str, pos_margin: float, neg_margin: float
) -> Array:
    if form == "squared":
        total = jnp.sum(positive * distances**2) + jnp.sum(negative * jax.nn.relu(neg_margin**2 - distances**2))
        return safe_divide(total, jnp.sum(positive) + jnp.sum(negative))
    near = jax.nn.relu(distances - pos_margin)
    far = jax.nn.relu(neg_margin - distances)
    return mean_above_zero(near, positive) + mean_above_zero(far, negative)
