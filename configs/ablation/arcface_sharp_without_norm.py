"""ArcFace at the scale of CosFace, without batch normalisation; compare with `arcface_without_norm`.

Hypothesis: the larger scale, 17.6 in place of 11.7, is what lets CosFace leave the cone, and ArcFace leaves it, too.
"""

from ml_collections import ConfigDict

from lfw_jax.configs import ablation


def get_config() -> ConfigDict:
    config = ablation.arcface_report.get_config()
    config.loss.scale = ablation.baseline.get_config().loss.scale
    config.model.embedding_norm = False
    return config
