"""No augmentation, not even mirroring.

Hypothesis: 9,300 images are memorised sooner still than with mirroring alone.
"""

from ml_collections import ConfigDict

from lfw_jax.configs import ablation


def get_config() -> ConfigDict:
    config = ablation.baseline.get_config()
    config.augmentation.update(
        flip=0.0, rotation=0.0, scale=0.0, shift=0.0, brightness=0.0, contrast=0.0, saturation=0.0, erasing=0.0
    )
    return config
