"""Experiment 2a with a network for two CPU cores in place of ResNet-50, in half an hour.

Faces are aligned, of 64×64 pixels. 15 epochs of 120 batches are 230,000 images, as in the other experiments of this folder.

    python launch.py --config=cpu/contrastive_semihard --config.data.source=folder --config.data.dir=LFW
"""

from ml_collections import ConfigDict

from lfw_jax.configs import base, contrastive_semihard


def get_config() -> ConfigDict:
    return base.on_two_cores(contrastive_semihard.get_config(), epochs=15.0)
