"""ArcFace as in the report, without batch normalisation; compare with `arcface_report`.

Hypothesis: the embeddings stay in a cone as in the report's experiment 3, and the rest of the recipe does not help.
"""

from ml_collections import ConfigDict

from lfw_jax.configs import ablation


def get_config() -> ConfigDict:
    config = ablation.arcface_report.get_config()
    config.model.embedding_norm = False
    return config
