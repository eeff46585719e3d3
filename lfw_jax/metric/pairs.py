"""Pairwise comparison: distances of embeddings and masks of positive and negative pairs."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from lfw_jax.metric.labels import check_labelled
from lfw_jax.metric.vectors import nan_unless_finite, normalized, safe_sqrt

METRICS = ("euclidean", "squared", "cosine", "dot")

# The error of a squared distance from a matrix product is up to ten float32 roundings of the two squared norms
# (measured on duplicates of 2 to 2048 dimensions). A squared distance below this fraction of them is set to 0, so that
# duplicates have distance 0.
_ROUNDING = 16 * 2.0**-23


@partial(
    jax.tree_util.register_dataclass,
    data_fields=("distances", "positive", "negative", "labels", "squared_norms"),
    meta_fields=("dim", "metric", "normalized", "self_compared"),
)
@dataclasses.dataclass(frozen=True)
class Pairs:
    """All pairs of an anchor and a reference.

    Attributes:
      distances: Distance of each pair; smaller means more similar, for every metric.
      positive: True for pairs of one class, except the pair of an embedding with itself.
      negative: True for pairs of different classes.
      labels: Class of each anchor, for losses with parameters per class.
      squared_norms: Squared norms of the compared vectors, of anchors `[anchors, 1]` and of references `[1,
        references]`: 1 for unit vectors, 0 for a zero vector, which has no direction, NaN for a vector that is not
        finite.
      dim: Length of an embedding, which distance-weighted sampling needs.
      metric: Metric of `distances`: "euclidean", "squared", "cosine" or "dot".
      normalized: True if the distances are those of unit vectors.
      self_compared: True if the references are the anchors themselves, so that row i and column i are one embedding.
    """

    distances: Float[Array, "anchors references"]
    positive: Bool[Array, "anchors references"]
    negative: Bool[Array, "anchors references"]
    labels: Int[Array, "anchors"]
    squared_norms: tuple[Float[Array, "anchors 1"], Float[Array, "1 references"]]
    dim: int
    metric: str
    normalized: bool = True
    self_compared: bool = True


def compare(
    embeddings: Float[Array, "anchors dim"],
    labels: Int[Array, "anchors"],
    references: Float[Array, "references dim"] | None = None,
    reference_labels: Int[Array, "references"] | None = None,
    *,
    metric: str = "euclidean",
    normalize: bool = True,
    offset: int | Int[Array, ""] | None = None,
) -> Pairs:
    """Return the distances of anchors to references and the masks of positive and negative pairs.

    Args:
      embeddings: Anchors, float32 or bfloat16; compared in float32.
      labels: Class of each anchor, within JAX's integers: int32, unless `jax_enable_x64` is set. NumPy labels beyond
        them are refused, but JAX reduces those that are arguments of a jitted function to int32 before any check is
        possible, so that labels 2³² apart become one class. Map such labels to 0 … classes − 1 first.
      references: Embeddings that anchors are compared with; None for the anchors themselves.
      reference_labels: Class of each reference; None for the anchors themselves.
      metric: "euclidean", "squared" (squared Euclidean), "cosine" (1 − cosine, whatever `normalize` is) or "dot"
        (negative inner product).
      normalize: Scale embeddings and references to unit length first.
      offset: Index of the first anchor among the references, if the anchors are a slice of them (one device's part of
        a gathered batch). The pair of an anchor with itself is then neither positive nor negative; it is identified
        by index, not by value. None if no anchor is among the references.

    Returns:
      The pairs. A distance that rounding cannot distinguish from 0 is 0, with gradient 0. For unit vectors spread
      over the sphere this is a distance below 0.002. All distances of an embedding with NaN or infinity are NaN
      (a norm of 2⁶² or more counts as infinite), the others stay finite; every loss of such pairs is NaN.

    Raises:
      ValueError: If shapes do not match, only one of `references` and `reference_labels` is given, the anchors do not
        lie within the references at `offset`, a NumPy label is out of range, or the metric is unknown.
      TypeError: If labels are not integers or embeddings are not floating point.

    Example:
      >>> import jax.numpy as jnp
      >>> pairs = compare(jnp.array([[1.0, 0.0], [0.6, 0.8], [0.0, 2.0]]), jnp.array([0, 0, 1]))
      >>> [round(distance, 3) for distance in pairs.distances[0].tolist()]
      [0.0, 0.894, 1.414]
      >>> pairs.positive[0].tolist(), pairs.negative[0].tolist()
      ([False, True, False], [False, False, True])

      A gallery of references with classes of its own:

      >>> gallery, gallery_labels = jnp.array([[1.0, 0.0], [0.0, 1.0]]), jnp.array([0, 1])
      >>> compare(jnp.array([[0.0, 3.0]]), jnp.array([1]), gallery, gallery_labels, metric="cosine").distances.tolist()
      [[1.0, 0.0]]
    """
    if (references is None) != (reference_labels is None):
        raise ValueError("references and reference_labels go together; one of them is missing")
    if metric not in METRICS:
        raise ValueError(f"unknown metric '{metric}'; expected one of {', '.join(METRICS)}")
    check_labelled(embeddings, labels, "embeddings")
    self_compared = references is None
    if references is None or reference_labels is None:
        if offset is not None:
            raise ValueError("offset is the index of the anchors among the references, but no references were given")
        references, reference_labels, offset = embeddings, labels, 0
    check_labelled(references, reference_labels, "references")
    anchors, others = len(labels), len(reference_labels)
    if embeddings.shape[1] != references.shape[1]:
        raise ValueError(
            f"embeddings have {embeddings.shape[1]} dimensions and references {references.shape[1]}; expected the same"
        )
    if isinstance(offset, int) and not 0 <= offset <= others - anchors:
        raise ValueError(f"{anchors} anchors at offset {offset} do not lie within {others} references")

    unit = normalize or metric == "cosine"
    left, right = (normalized(side) if unit else nan_unless_finite(side) for side in (embeddings, references))
    match = labels[:, None] == reference_labels[None]
    positive = match
    if offset is not None:
        positive = match & (jnp.arange(anchors)[:, None] + offset != jnp.arange(others)[None])
    distances = _distances(left, right, metric)
    squared_norms = _squared_norms(left, unit)[:, None], _squared_norms(right, unit)[None]
    return Pairs(
        distances,
        positive,
        ~match,
        jnp.asarray(labels),
        squared_norms,
        embeddings.shape[1],
        metric,
        unit,
        self_compared,
    )


def detached(pairs: Pairs) -> Pairs:
    """Return the pairs without gradient, computed once, as input of a miner.

    Without the optimization barrier XLA recomputes the distances in each pass of a miner instead of storing them,
    which made mining up to three times as slow on a CPU (benchmarks/mining.py).
    """
    return jax.lax.optimization_barrier(jax.lax.stop_gradient(pairs))


def similarities(pairs: Pairs, *, of: str) -> Float[Array, "anchors references"]:
    """Return the cosine of every pair, or its inner product for metric "dot".

    Cosines follow from Euclidean distances of unit vectors: `s = (|x|² + |y|² − d²) / 2`.

    Args:
      pairs: Result of `compare`.
      of: Name of the loss or miner that needs cosines, for the error message.

    Returns:
      Similarities in float32.

    Raises:
      ValueError: If the distances are of embeddings that were not normalised.
    """
    if pairs.metric == "dot":
        return -pairs.distances
    if not pairs.normalized:
        raise ValueError(
            f"{of} needs cosines, but these pairs hold {pairs.metric} distances of embeddings that were not normalised; "
            "use compare(..., normalize=True), or metric='dot' for inner products"
        )
    if pairs.metric == "cosine":
        return 1.0 - pairs.distances
    squared = pairs.distances if pairs.metric == "squared" else pairs.distances**2
    return 0.5 * (pairs.squared_norms[0] + pairs.squared_norms[1] - squared)


def _squared_norms(vectors: Float[Array, "count dim"], unit: bool) -> Float[Array, "count"]:
    """Return squared norms: exactly 1 or 0 for unit vectors, without their rounding; NaN for NaN."""
    if not unit:
        return jnp.sum(vectors**2, axis=1)
    nonzero = jnp.any(vectors != 0, axis=1).astype(jnp.float32)
    return jnp.where(jnp.any(jnp.isnan(vectors), axis=1), jnp.nan, nonzero)


def _distances(left: jax.Array, right: jax.Array, metric: str) -> jax.Array:
    if metric in ("cosine", "dot"):
        products = jnp.matmul(left, right.T, precision=jax.lax.Precision.HIGHEST)
        return 1.0 - products if metric == "cosine" else -products
    # |x − y|² = |x|² + |y|² − 2xy costs one matrix product instead of an [a, r, d] array. Its error is relative to
    # the norms, so the mean of the references is subtracted first: small distances in a collapsed batch stay accurate.
    # A vector of NaN counts as 0 in this mean and does not reach the distances of the others.
    middle = jax.lax.stop_gradient(jnp.mean(jnp.where(jnp.isnan(right), 0.0, right), axis=0))
    left, right = left - middle, right - middle
    lengths = jnp.sum(left**2, axis=1)[:, None] + jnp.sum(right**2, axis=1)[None]
    squared = lengths - 2.0 * jnp.matmul(left, right.T, precision=jax.lax.Precision.HIGHEST)
    squared = jnp.where(squared <= _ROUNDING * lengths, 0.0, squared)  # NaN stays NaN
    return squared if metric == "squared" else safe_sqrt(squared)
