"""Experiment 1.1, the small Siamese network, in half an hour of two CPU cores.

Faces are aligned, of 64×64 pixels. 25.7 epochs of 70 batches are 230,000 images, as in the other experiments of this folder.

    python launch.py --config=cpu/siamese_contrastive --config.data.source=folder --config.data.dir=LFW
"""

from ml_collections import ConfigDict

from lfw_jax.configs import base, siamese_contrastive


def get_config() -> ConfigDict:
    return base.on_two_cores(siamese_contrastive.get_config(), epochs=25.7)
