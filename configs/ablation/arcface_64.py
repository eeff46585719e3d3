"""ArcFace with margin 0.5 and the scale 64 of large data sets.

Hypothesis: the softmax saturates early, so that identities with one image are memorised and then give no gradient.
"""

from ml_collections import ConfigDict

from lfw_jax.configs import ablation


def get_config() -> ConfigDict:
    config = ablation.baseline.get_config()
    config.loss = ConfigDict(dict(name="arcface", margin=0.5, scale=64.0))
    return config
