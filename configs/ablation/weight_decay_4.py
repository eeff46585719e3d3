"""Four times the weight decay.

Hypothesis: it still helps, because the data are few.
"""

from ml_collections import ConfigDict

from lfw_jax.configs import ablation


def get_config() -> ConfigDict:
    config = ablation.baseline.get_config()
    config.optimizer.weight_decay *= 4
    return config
