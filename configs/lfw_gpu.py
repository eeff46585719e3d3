"""The recipe of `lfw_cpu` with a wider network that sees 112×112 pixels: for one GPU, minutes.

No experiment of the report: what the recipe of configs/lfw_cpu.py gives where arithmetic is cheap. Three times the channels in
the last blocks, all 112 pixels of an aligned face instead of 64, twice the epochs, activations in bfloat16; loss, augmentation
and optimiser are those of `lfw_cpu`.

    python launch.py --config=configs/lfw_gpu.py --config.data.source=folder --config.data.dir=LFW --config.data.align=True \
        --config.data.resident=True

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
