"""No weight decay.

Hypothesis: the network overfits a little more.
"""

from ml_collections import ConfigDict

from lfw_jax.configs.ablation import baseline


def get_config() -> ConfigDict:
    config = baseline.get_config()
    config.optimizer.weight_decay = 0.0
    return config
