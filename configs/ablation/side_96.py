"""Input of 96×96 pixels.

Hypothesis: 9,300 images do not teach finer details, at more than twice the cost.
"""

from ml_collections import ConfigDict

from lfw_jax.configs import ablation


def get_config() -> ConfigDict:
    config = ablation.baseline.get_config()
    config.data.update(side=96, margin=9)
    config.evaluation.shift = 4
    return config
