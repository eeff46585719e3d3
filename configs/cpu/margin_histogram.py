"""Experiment 2b with a network for two CPU cores in place of ResNet-50, in half an hour.

Faces are aligned, of 64×64 pixels. 15 epochs of 120 batches are 230,000 images, as in the other experiments of this folder.

    python launch.py --config=cpu/margin_histogram --config.data.source=folder --config.data.dir=LFW
"""

from ml_collections import ConfigDict

from lfw_jax.configs import base, margin_histogram


def get_config() -> ConfigDict:
    return base.on_two_cores(margin_histogram.get_config(), epochs=15.0)
