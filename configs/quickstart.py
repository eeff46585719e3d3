"""Default configuration: a small network on synthetic faces, for minutes on two CPU cores.

Not an experiment of the report: it runs the whole pipeline, from images to a report, without data or network access.
The procedural face generator writes a folder in LFW's layout, with LFW's lists. Loading, training and evaluation are
the same as for LFW.

    python launch.py --config=configs/quickstart.py --workdir=runs/quickstart

Cost: 2 minutes on two CPU cores.
Expect: accuracy 88.6 % on pairs of unseen synthetic identities (95 % interval 86.0-90.8); raw pixels reach 60.4 %.
"""

from ml_collections import ConfigDict

from lfw_jax.configs import base


def get_config() -> ConfigDict:
    config = base.get_config()
    config.data.source = "synthetic"
    config.data.keep_decoded = True
    config.data.side = 48
    config.data.crop = 0.6
    config.data.margin = 4
    config.augmentation.update(
        flip=0.5, rotation=10.0, scale=0.1, shift=0.06,
        brightness=0.1, contrast=0.2, saturation=0.2, erasing=0.2,
    )  # fmt: skip
    config.sampler.batch_size = 64
    config.model = ConfigDict(
        dict(name="patch_resnet", embedding_dim=128, features=(48, 48, 96, 96), dropout=0.2, dtype="float32")
    )
    config.loss = ConfigDict(dict(name="cosface", margin=0.25, scale="1.5*adacos"))
    config.optimizer = base.one_cycle(warmup_epochs=4.0)
    config.training.epochs = 16.0
    config.evaluation.every_epochs = 4.0
    config.evaluation.checkpoint = "last"
    return config
