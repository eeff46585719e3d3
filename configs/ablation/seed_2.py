"""The baseline with a third seed.

Hypothesis: chance alone makes a difference of this size; two seeds show it twice.
"""

from ml_collections import ConfigDict

from lfw_jax.configs import ablation


def get_config() -> ConfigDict:
    config = ablation.baseline.get_config()
    config.seed = 2
    return config
