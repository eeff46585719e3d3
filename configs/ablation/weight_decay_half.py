"""Half the weight decay.

Hypothesis: no difference that a training of this length can show.
"""

from ml_collections import ConfigDict

from lfw_jax.configs.ablation import baseline


def get_config() -> ConfigDict:
    config = baseline.get_config()
    config.optimizer.weight_decay *= 0.5
    return config
