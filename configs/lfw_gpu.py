r"""The recipe of `lfw_cpu` with a wider network on 112×112 pixels, for minutes on one GPU.

Not an experiment of the report: it is the recipe of configs/lfw_cpu.py for hardware on which arithmetic is cheap. The
last blocks have three times the channels, the input is all 112 pixels of an aligned face instead of 64, training
takes twice the epochs, and activations are bfloat16. Loss, augmentation and optimiser are those of `lfw_cpu`.

    python launch.py --config=configs/lfw_gpu.py --config.data.source=folder --config.data.dir=LFW \
        --config.data.align=True --config.data.resident=True

Cost and expected score: docs/results.md, section on the GPU, once they have been measured there.
"""

from ml_collections import ConfigDict

from lfw_jax.configs import lfw_cpu


def get_config() -> ConfigDict:
    config = lfw_cpu.get_config()
    config.data.side = 112
    config.data.margin = 11
    config.model.update(features=(128, 128, 256, 256, 512, 512), embedding_dim=512, dtype="bfloat16")
    config.optimizer.warmup_epochs = 18.0
    config.training.epochs = 60.0
    config.evaluation.every_epochs = 12.0
    config.evaluation.shift = 5
    return config
