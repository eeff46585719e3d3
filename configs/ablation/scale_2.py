"""Twice the scale of AdaCos in place of 1.5 times.

Hypothesis: the gain of a larger scale is over at 1.5.
"""

from ml_collections import ConfigDict

from lfw_jax.configs import ablation


def get_config() -> ConfigDict:
    config = ablation.baseline.get_config()
    config.loss.scale = "2*adacos"
    return config
