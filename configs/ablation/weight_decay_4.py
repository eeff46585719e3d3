"""Four times the weight decay.

Hypothesis: it still helps, because the data are few.
"""

from ml_collections import ConfigDict

from lfw_jax.configs.ablation import baseline


def get_config() -> ConfigDict:
    config = baseline.get_config()
    config.optimizer.weight_decay *= 4
    return config
