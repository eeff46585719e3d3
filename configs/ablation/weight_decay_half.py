"""Half the weight decay.

Hypothesis: no difference that a training of this length can show.
"""

from ml_collections import ConfigDict

from lfw_jax.configs import ablation


def get_config() -> ConfigDict:
    config = ablation.baseline.get_config()
    config.optimizer.weight_decay *= 0.5
    return config
