"""Cross-batch memory: compare a batch with the embeddings of earlier batches.

Source: Wang et al. 2020, "Cross-Batch Memory for Embedding Learning" (arXiv:1912.06798).

memory = init(size, dim)                                   # once
memory = remember(memory, embeddings, labels)              # each step, first
pairs  = compare_with(memory, embeddings, labels)          # then with every miner and every loss

The memory is a pytree of fixed shapes, so it passes through jit, scan and checkpoints as part of the training state.
"""

import dataclasses

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from lfw_jax.metric.labels import check_labelled
from lfw_jax.metric.pairs import Pairs, compare


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Memory:
    """Ring buffer of the latest embeddings.

    Attributes:
      embeddings: Embeddings as they were given, not normalised; zero in slots not yet filled.
      labels: Class of each embedding.
      count: Number of filled slots, which are the first ones.
      place: Index of the slot for the next embedding.
    """

    embeddings: Float[Array, "size dim"]
    labels: Int[Array, "size"]
    count: Int[Array, ""]
    place: Int[Array, ""]


def init(size: int, dim: int) -> Memory:
    """Return an empty memory for `size` embeddings of length `dim`.

    Args:
      size: Capacity in embeddings, at least 1 and at least the batch size.
      dim: Length of an embedding, at least 1.

    Returns:
      The empty memory.

    Raises:
      ValueError: If `size` or `dim` is below 1.

    Example:
      >>> init(1024, 128).embeddings.shape
      (1024, 128)
    """
    if size < 1 or dim < 1:
        raise ValueError(f"the size and the dim of a memory must be at least 1, found size {size} and dim {dim}")
    return Memory(
        jnp.zeros((size, dim), jnp.float32),
        jnp.zeros(size, int),  # int64 with jax_enable_x64
        jnp.zeros((), jnp.int32),
        jnp.zeros((), jnp.int32),
    )


def remember(memory: Memory, embeddings: Float[Array, "batch dim"], labels: Int[Array, "batch"]) -> Memory:
    """Return the memory with a batch added, replacing the oldest embeddings when it is full.

    Args:
      memory: Result of `init` or `remember`.
      embeddings: Embeddings of the batch, float32 or bfloat16; stored in float32 without gradient.
      labels: Class of each embedding.

    Returns:
      The new memory.

    Raises:
      ValueError: If the batch is larger than the memory, shapes do not match, or a NumPy label is out of range, as in
        `compare`.
      TypeError: If labels are not integers or embeddings are not floating point.

    Example:
      >>> memory = remember(init(3, 2), jnp.eye(2), jnp.array([5, 6]))
      >>> memory = remember(memory, jnp.eye(2), jnp.array([7, 8]))
      >>> memory.labels.tolist(), int(memory.count), int(memory.place)
      ([8, 6, 7], 3, 1)
    """
    size = _checked_size(memory, embeddings, labels)
    batch = len(labels)
    slots = (memory.place + jnp.arange(batch, dtype=jnp.int32)) % size
    latest = jax.lax.stop_gradient(embeddings.astype(jnp.float32))
    return Memory(
        memory.embeddings.at[slots].set(latest, unique_indices=True),
        memory.labels.at[slots].set(labels.astype(memory.labels.dtype), unique_indices=True),
        jnp.minimum(memory.count + batch, size),
        (memory.place + batch) % size,
    )


def compare_with(
    memory: Memory,
    embeddings: Float[Array, "batch dim"],
    labels: Int[Array, "batch"],
    *,
    metric: str = "euclidean",
    normalize: bool = True,
) -> Pairs:
    """Return the pairs of a batch with the memory that already contains it.

    The slot of an anchor itself, one of the latest `batch` slots, is neither positive nor negative; slots not yet
    filled are neither as well. Gradients flow through the anchors only.

    Losses agree with CrossBatchMemory of pytorch-metric-learning. With a miner they may differ: there the pair of an
    anchor with itself, the nearest of all positives, is removed after mining, whereas here it is never mined. (That
    class also keeps the pair of an anchor with itself if the batch is a single embedding.)

    Args:
      memory: Result of `remember` for this very batch.
      embeddings: Anchors, in the order in which they were remembered.
      labels: Class of each anchor.
      metric: "euclidean", "squared", "cosine" or "dot", as in `compare`.
      normalize: Scale embeddings to unit length first.

    Returns:
      The pairs: one row per anchor, one column per slot of the memory.

    Raises:
      ValueError: If the batch is larger than the memory, shapes do not match, a NumPy label is out of range, or the
        metric is unknown.
      TypeError: If labels are not integers or embeddings are not floating point.

    Example:
      >>> from lfw_jax.metric import losses
      >>> first, second = jnp.array([[1.0, 0.0], [0.0, 1.0]]), jnp.array([[0.8, 0.6], [0.6, 0.8]])
      >>> labels = jnp.array([0, 1])
      >>> memory = remember(remember(init(5, 2), first, labels), second, labels)
      >>> pairs = compare_with(memory, second, labels)
      >>> pairs.positive.astype(int).tolist()
      [[1, 0, 0, 0, 0], [0, 1, 0, 0, 0]]
      >>> pairs.negative.astype(int).tolist()
      [[0, 1, 0, 1, 0], [1, 0, 1, 0, 0]]
      >>> round(float(losses.contrastive(pairs)), 4)
      1.0438
    """
    size = _checked_size(memory, embeddings, labels)
    batch = len(labels)
    pairs = compare(
        embeddings,
        labels,
        jax.lax.stop_gradient(memory.embeddings),
        memory.labels,
        metric=metric,
        normalize=normalize,
    )
    own = (memory.place - batch + jnp.arange(batch)) % size
    slots = jnp.arange(size)
    others = (slots[None] != own[:, None]) & (slots < memory.count)
    return dataclasses.replace(pairs, positive=pairs.positive & others, negative=pairs.negative & others)


def _checked_size(memory: Memory, embeddings: jax.Array, labels: jax.Array) -> int:
    """Return the capacity of the memory. Raises a ValueError if this batch does not fit."""
    check_labelled(embeddings, labels, "embeddings")
    size, dim = memory.embeddings.shape
    if embeddings.shape[1] != dim:
        raise ValueError(f"the memory holds embeddings of {dim} dimensions, found a batch of {embeddings.shape[1]}")
    if len(labels) > size:
        raise ValueError(f"a batch of {len(labels)} does not fit a memory of {size}; make the memory larger")
    return size
