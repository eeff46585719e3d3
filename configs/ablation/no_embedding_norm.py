"""No batch normalisation of the embedding.

Hypothesis: embeddings share a mean direction, so that all distances are alike and less of the space is used.
"""

from ml_collections import ConfigDict

from lfw_jax.configs import ablation


def get_config() -> ConfigDict:
    config = ablation.baseline.get_config()
    config.model.embedding_norm = False
    return config
