"""Networks from images to embeddings, chosen by `config.model.name`.

Every network is a Flax Linen module that maps float images `[batch, height, width, 3]` in [-1, 1] to raw, not yet
normalised float32 embeddings `[batch, embedding_dim]`, and is called as `module.apply(variables, images, train=...)`.
"""

from lfw_jax.models.registry import MODELS, build, init

__all__ = ["MODELS", "build", "init"]
