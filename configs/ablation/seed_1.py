"""The baseline with another seed.

Hypothesis: chance alone makes a difference of this size, and no ablation can show a smaller one.
"""

from ml_collections import ConfigDict

from lfw_jax.configs import ablation


def get_config() -> ConfigDict:
    config = ablation.baseline.get_config()
    config.seed = 1
    return config
