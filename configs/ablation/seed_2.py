"""The baseline with a third seed.

Hypothesis: chance alone makes a difference of this size; two seeds show it twice.
"""

from ml_collections import ConfigDict

from lfw_jax.configs.ablation import baseline


def get_config() -> ConfigDict:
    config = baseline.get_config()
    config.seed = 2
    return config
