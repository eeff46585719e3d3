"""The baseline of the ablation: lfw_cpu on aligned faces, shortened to ten minutes of two CPU cores.

9 epochs of 72 batches are 83,000 images instead of 276,000, and the one cycle is complete. Every other configuration of
this folder changes one thing.

    python launch.py --config=ablation/baseline --config.data.source=folder --config.data.dir=LFW
"""

from ml_collections import ConfigDict

from lfw_jax.configs import base, lfw_cpu


def get_config() -> ConfigDict:
    config = base.with_epochs(lfw_cpu.get_config(), 9.0)
    config.evaluation.every_epochs = 3.0
    config.data.align = True
    config.align.margin = base.ALIGNED_MARGIN
    config.model.embedding_norm = True
    return config
