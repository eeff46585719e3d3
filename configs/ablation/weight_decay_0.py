"""No weight decay.

Hypothesis: the network overfits a little more.
"""

from ml_collections import ConfigDict

from lfw_jax.configs import ablation


def get_config() -> ConfigDict:
    config = ablation.baseline.get_config()
    config.optimizer.weight_decay = 0.0
    return config
