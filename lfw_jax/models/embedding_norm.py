"""Batch normalisation of an embedding."""

from flax import linen as nn
from jaxtyping import Array, Float


def embedding_norm(
    embeddings: Float[Array, "batch dim"], *, train: bool, axis_name: str | None
) -> Float[Array, "batch dim"]:
    """Return embeddings with batch normalisation of each dimension.

    Without it, all embeddings of an untrained network share a direction, because the features before the embedding are not
    negative (docs/why.md). There is no learned scale or shift: verification uses only the direction of an embedding.

    To be called in the compact method of a network; its statistics are named "embedding_norm".

    Args:
      embeddings: the raw embeddings.
      train: true to use and update the statistics of the batch, false for the running ones.
      axis_name: mapped axis over which the statistics are averaged.
    """
    norm = nn.BatchNorm(
        use_running_average=not train,
        momentum=0.9,
        axis_name=axis_name,
        use_scale=False,
        use_bias=False,
        name="embedding_norm",
    )
    return norm(embeddings)
