"""Experiment 1.2 with a network for two CPU cores in place of ResNet-50, in half an hour.

Faces are aligned, of 64×64 pixels. 25.7 epochs of 70 batches are 230,000 images, as in the other experiments of this folder.

    python launch.py --config=cpu/resnet_contrastive --config.data.source=folder --config.data.dir=LFW
"""

from ml_collections import ConfigDict

from lfw_jax.configs import base, resnet_contrastive


def get_config() -> ConfigDict:
    return base.on_two_cores(resnet_contrastive.get_config(), epochs=25.7)
