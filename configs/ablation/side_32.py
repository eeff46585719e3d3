"""Input of 32×32 pixels.

Hypothesis: details that tell identities apart are gone, at a quarter of the cost.
"""

from ml_collections import ConfigDict

from lfw_jax.configs import ablation


def get_config() -> ConfigDict:
    config = ablation.baseline.get_config()
    config.data.update(side=32, margin=3)
    config.evaluation.shift = 1
    return config
