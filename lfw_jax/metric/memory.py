"""Cross-batch memory: compare a batch with the embeddings of earlier batches (Wang et al. 2020, arXiv:1912.06798).

memory = init(size, dim)                                   # once
memory = remember(memory, embeddings, labels)              # each step, first
pairs  = compare_with(memory, embeddings, labels)          # then with every miner and every loss

The memory is a pytree of fixed shapes, so it goes through jit, scan and checkpoints as part of the training state.
"""

import dataclasses

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from lfw_jax.metric.pairs import Pairs, check_labelled, compare


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Memory:
    """The latest embeddings, in a ring.

    Attributes:
      embeddings: as they were remembered, not normalised; zero in places not yet filled.
      labels: their classes.
      count: how many places are filled: the first ones.
      place: where the next embedding goes.
    """

    embeddings: Float[Array, "size dim"]
    labels: Int[Array, "size"]
    count: Int[Array, ""]
    place: Int[Array, ""]


def init(size: int, dim: int) -> Memory:
    """An empty memory of `size` embeddings of length `dim`.

    Raises:
      ValueError: a size or a length below 1.

    Example:
      >>> init(1024, 128).embeddings.shape
      (1024, 128)
    """
    if size < 1 or dim < 1:
        raise ValueError(f"a memory needs at least one place and one dimension, found size {size} and dim {dim}")
    return Memory(
        jnp.zeros((size, dim), jnp.float32),
        jnp.zeros(size, jnp.int32),
        jnp.zeros((), jnp.int32),
        jnp.zeros((), jnp.int32),
    )


def remember(memory: Memory, embeddings: Float[Array, "batch dim"], labels: Int[Array, "batch"]) -> Memory:
    """The memory with a batch in it, in place of the oldest embeddings once all places are filled. No gradient flows.

    Args:
      memory: what `init` or `remember` returned.
      embeddings: float32 or bfloat16, kept in float32.
      labels: the class of each.

    Raises:
      ValueError: a batch larger than the memory, or shapes that do not fit.
      TypeError: labels that are no integers, or embeddings that are no floating-point numbers.

    Example:
      >>> memory = remember(init(3, 2), jnp.eye(2), jnp.array([5, 6]))
      >>> memory = remember(memory, jnp.eye(2), jnp.array([7, 8]))
      >>> memory.labels.tolist(), int(memory.count), int(memory.place)
      ([8, 6, 7], 3, 1)
    """
    size = _checked_size(memory, embeddings, labels)
    batch = len(labels)
    places = (memory.place + jnp.arange(batch, dtype=jnp.int32)) % size
    latest = jax.lax.stop_gradient(embeddings.astype(jnp.float32))
    return Memory(
        memory.embeddings.at[places].set(latest, unique_indices=True),
        memory.labels.at[places].set(labels.astype(jnp.int32), unique_indices=True),
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
    """The pairs of a batch with the memory that has just remembered it.

    An anchor's own place, one of the `batch` latest, is neither positive nor negative, and neither are places not yet
    filled. Gradients flow through the anchors alone. Losses are those of pytorch-metric-learning's CrossBatchMemory; with a
    miner they may differ, for there an anchor's pair with itself, the nearest of all positives, is removed from what was
    mined, and here it is never mined. (That class also keeps the pair with itself if the batch is a single embedding.)

    Args:
      memory: what `remember` returned for this very batch.
      embeddings: the anchors, in the order in which they were remembered.
      labels: the class of each.
      metric: as of `compare`.
      normalize: as of `compare`.

    Raises:
      ValueError: a batch larger than the memory, shapes that do not fit, or an unknown metric.
      TypeError: labels that are no integers, or embeddings that are no floating-point numbers.

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
    places = jnp.arange(size)
    others = (places[None] != own[:, None]) & (places < memory.count)
    return dataclasses.replace(pairs, positive=pairs.positive & others, negative=pairs.negative & others)


def _checked_size(memory: Memory, embeddings: jax.Array, labels: jax.Array) -> int:
    """How many places the memory has. Raises unless this batch fits."""
    check_labelled(embeddings, labels, "embeddings")
    size, dim = memory.embeddings.shape
    if embeddings.shape[1] != dim:
        raise ValueError(f"the memory holds embeddings of {dim} dimensions, found a batch of {embeddings.shape[1]}")
    if len(labels) > size:
        raise ValueError(f"a batch of {len(labels)} does not fit a memory of {size}; make the memory larger")
    return size
