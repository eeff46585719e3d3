"""Centre crops in place of aligned faces.

Hypothesis: without alignment the network spends its capacity on position and pose, and the distances overlap more.
"""

from ml_collections import ConfigDict

from lfw_jax.configs import ablation


def get_config() -> ConfigDict:
    config = ablation.baseline.get_config()
    config.data.align = False
    return config
