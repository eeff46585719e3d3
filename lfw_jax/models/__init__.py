"""Embedding networks, selected by `config.model.name`.

Every network is a Flax Linen module. `module.apply(variables, images, train=...)` maps float images
`[batch, height, width, 3]` in [-1, 1] to float32 embeddings `[batch, embedding_dim]` that are not normalised.
"""

from lfw_jax.models.registry import MODELS, build, check_side, init, parameter_count, variable_shapes

__all__ = ["MODELS", "build", "check_side", "init", "parameter_count", "variable_shapes"]
