"""Experiment 3 with ResNet-50 itself, in an hour of two CPU cores.

It shows where a network of this size stands after 54,000 images: 6 epochs of 70 batches at 15 images per second, with the
complete schedule of 5 epochs at one learning rate and one of decay. Faces are aligned, of 112×112 pixels as in the report.

    python launch.py --config=cpu/arcface_resnet50 --config.data.source=folder --config.data.dir=LFW
"""

from ml_collections import ConfigDict

from lfw_jax.configs import arcface, base


def get_config() -> ConfigDict:
    config = base.with_epochs(arcface.get_config(), 6.0)
    config.evaluation.every_epochs = 2.0
    config.data.update(align=True, keep_decoded=True)
    config.align.margin = base.ALIGNED_MARGIN
    return config
