"""Input of 48×48 pixels.

Hypothesis: little is lost, at less than 60 % of the cost.
"""

from ml_collections import ConfigDict

from lfw_jax.configs import ablation


def get_config() -> ConfigDict:
    config = ablation.baseline.get_config()
    config.data.update(side=48, margin=4)
    config.evaluation.shift = 2
    return config
