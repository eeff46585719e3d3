"""Compare: the distances of embeddings, and who matches whom."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

METRICS = ("euclidean", "squared", "cosine", "dot")

# A squared distance from a matrix product is off by up to ten float32 roundings of the two squared lengths (measured on
# duplicates of 2 to 2048 dimensions). One below this share of them is as good as 0, and is taken as 0: else duplicates
# would count as pairs with a distance.
_ROUNDING = 16 * 2.0**-23


@partial(
    jax.tree_util.register_dataclass,
    data_fields=("distances", "positive", "negative", "labels", "squared_norms"),
    meta_fields=("dim", "metric", "normalized", "self_compared"),
)
@dataclasses.dataclass(frozen=True)
class Pairs:
    """Every anchor with every reference.

    Attributes:
      distances: the smaller, the more alike, whatever the metric.
      positive: same label, and not an embedding with itself.
      negative: another label.
      labels: of the anchors, for losses that learn something for each class.
      squared_norms: squared lengths of what was compared, of anchors `[anchors, 1]` and of references `[1, references]`: 1 for
        unit vectors, 0 for one of zeros, which has no direction.
      dim: length of the embeddings, which distance-weighted sampling needs.
      metric: how `distances` were taken.
      normalized: whether they are those of unit vectors.
      self_compared: whether the references are the anchors themselves, so that row i and column i are one embedding.
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
    """The distances of anchors to references, and which pairs are of one class.

    Args:
      embeddings: the anchors; float32 or bfloat16, compared in float32.
      labels: the class of each anchor.
      references: what anchors are compared with; None is the anchors themselves.
      reference_labels: the class of each reference.
      metric: "euclidean", "squared" (its square), "cosine" (1 − cosine, whatever `normalize` says) or "dot" (minus the
        inner product).
      normalize: whether embeddings and references are first brought to unit length.
      offset: where the anchors stand among the references, if they are a slice of them (one device's part of a gathered
        batch): an anchor's pair with itself is then neither positive nor negative. Self-pairs are known by place, not
        by value. None with references of their own: no anchor is among them.

    Returns:
      The pairs. A distance that rounding cannot tell from 0 is 0 (for unit vectors spread over the sphere, one below
      0.002), and its gradient is 0.

    Raises:
      ValueError: shapes that do not fit, references without labels, anchors that at `offset` do not lie within the
        references, or an unknown metric.
      TypeError: labels that are no integers, or embeddings that are no floating-point numbers.

    Example:
      >>> import jax.numpy as jnp
      >>> pairs = compare(jnp.array([[1.0, 0.0], [0.6, 0.8], [0.0, 2.0]]), jnp.array([0, 0, 1]))
      >>> [round(distance, 3) for distance in pairs.distances[0].tolist()]
      [0.0, 0.894, 1.414]
      >>> pairs.positive[0].tolist(), pairs.negative[0].tolist()
      ([False, True, False], [False, False, True])
    """
    if (references is None) != (reference_labels is None):
        raise ValueError("references and reference_labels go together; one of them is missing")
    if metric not in METRICS:
        raise ValueError(f"unknown metric '{metric}'; expected one of {', '.join(METRICS)}")
    check_labelled(embeddings, labels, "embeddings")
    self_compared = references is None
    if references is None or reference_labels is None:
        if offset is not None:
            raise ValueError("offset says where anchors stand among references, but no references were given")
        references, reference_labels, offset = embeddings, labels, 0
    check_labelled(references, reference_labels, "references")
    anchors, others = len(labels), len(reference_labels)
    if embeddings.shape[1] != references.shape[1]:
        raise ValueError(
            f"embeddings have {embeddings.shape[1]} dimensions and references {references.shape[1]}; expected the same"
        )
    if isinstance(offset, int) and not 0 <= offset <= others - anchors:
        raise ValueError(f"{anchors} anchors at offset {offset} do not lie within {others} references")

    left, right = embeddings.astype(jnp.float32), references.astype(jnp.float32)
    unit = normalize or metric == "cosine"
    if unit:
        left, right = normalized(left), normalized(right)
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
    """The pairs without gradient, for a miner to look at.

    Behind the barrier they are computed once. XLA would rather compute distances anew in each of a miner's passes than
    store them, which made mining up to three times as slow on a CPU (benchmarks/mining.py).
    """
    return jax.lax.optimization_barrier(jax.lax.stop_gradient(pairs))


def similarities(pairs: Pairs, *, of: str) -> Float[Array, "anchors references"]:
    """The cosine of every anchor with every reference; of pairs of metric "dot" their inner product.

    Euclidean distances of unit vectors say as much as cosines: `s = (|x|² + |y|² − d²) / 2`.

    Args:
      pairs: what `compare` returned.
      of: the loss or miner that asks, for the error.

    Raises:
      ValueError: distances of embeddings that were not normalised.
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
    """Squared lengths; of unit vectors without their rounding."""
    return jnp.any(vectors != 0, axis=1).astype(jnp.float32) if unit else jnp.sum(vectors**2, axis=1)


def normalized(vectors: Float[Array, "*batch dim"]) -> Float[Array, "*batch dim"]:
    """Vectors of unit length in float32; a vector of zeros stays zero, with gradient 0."""
    vectors = vectors.astype(jnp.float32)
    squared = jnp.sum(vectors**2, axis=-1, keepdims=True)
    nonzero = squared > 0
    return vectors * jnp.where(nonzero, jax.lax.rsqrt(jnp.where(nonzero, squared, 1.0)), 0.0)


def safe_sqrt(squared: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """The square root, with gradient 0 at 0 (the inner `where` keeps NaN out of the gradient)."""
    positive = squared > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, squared, 1.0)), 0.0)


def _distances(left: jax.Array, right: jax.Array, metric: str) -> jax.Array:
    if metric in ("cosine", "dot"):
        products = jnp.matmul(left, right.T, precision=jax.lax.Precision.HIGHEST)
        return 1.0 - products if metric == "cosine" else -products
    # |x − y|² = |x|² + |y|² − 2xy costs one matrix product instead of an [a, r, d] array. Its error is relative to the
    # lengths, so these are taken from the middle of the references: a collapsed batch keeps its small distances.
    middle = jax.lax.stop_gradient(jnp.mean(right, axis=0))
    left, right = left - middle, right - middle
    lengths = jnp.sum(left**2, axis=1)[:, None] + jnp.sum(right**2, axis=1)[None]
    squared = lengths - 2.0 * jnp.matmul(left, right.T, precision=jax.lax.Precision.HIGHEST)
    squared = jnp.where(squared > _ROUNDING * lengths, squared, 0.0)
    return squared if metric == "squared" else safe_sqrt(squared)


def check_labelled(embeddings: jax.Array, labels: jax.Array, name: str) -> None:
    """Raise, in words, unless these are embeddings [count, dim] with one integer label each."""
    if embeddings.ndim != 2:
        raise ValueError(f"{name} must be [count, dim], found shape {embeddings.shape}")
    if not jnp.issubdtype(embeddings.dtype, jnp.floating):
        raise TypeError(f"{name} must be floating-point numbers, found {embeddings.dtype}")
    if labels.shape != embeddings.shape[:1]:
        raise ValueError(
            f"expected one label for each of {embeddings.shape[0]} {name}, found labels of shape {labels.shape}"
        )
    if not jnp.issubdtype(labels.dtype, jnp.integer):
        raise TypeError(f"labels must be integers, found {labels.dtype}")
