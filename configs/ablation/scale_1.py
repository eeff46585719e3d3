"""The scale of AdaCos itself in place of 1.5 times.

Hypothesis: the softmax is too soft to separate thousands of identities by a margin.
"""

from ml_collections import ConfigDict

from lfw_jax.configs import ablation


def get_config() -> ConfigDict:
    config = ablation.baseline.get_config()
    config.loss.scale = "adacos"
    return config
