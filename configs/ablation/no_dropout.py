"""No dropout before the embedding.

Hypothesis: the embedding relies on few features and overfits.
"""

from ml_collections import ConfigDict

from lfw_jax.configs import ablation


def get_config() -> ConfigDict:
    config = ablation.baseline.get_config()
    config.model.dropout = 0.0
    return config
