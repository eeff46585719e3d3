"""Face verification trained on LFW alone, on two CPU cores within an hour.

Not an experiment of the report: it shows the value of the report's ideas with a network and a recipe that suit 9,500
images. All identities train, including those with one image. The loss is CosFace (Wang et al. 2018, arXiv:1801.09414)
with margin 0.25 and 1.5 times the scale of AdaCos, on an embedding with batch normalisation, with strong augmentation
and AdamW over one cycle. The network reduces the resolution at once, and its convolutions are matrix products (the
3×3 ones by Winograd's method), which XLA executes most efficiently on a CPU. The unaligned originals are cropped to
their central 136 of 250 pixels. Test-time augmentation adds the mirrored image and four shifted crops.

    python launch.py --config=configs/lfw_cpu.py --config.data.source=folder --config.data.dir=LFW
    python launch.py --config=configs/lfw_cpu.py --config.data.source=folder --config.data.dir=LFW --config.data.align=True

Cost: 34 minutes on two CPU cores (30 epochs, 140 images per second).
Expect on View 1's test pairs with aligned faces: accuracy 91.4 % (95 % interval 89.5-93.0) at the threshold of
held-out identities, 90.6 % at that of `pairsDevTrain`, AUC 0.973. With another seed: 91.2 %, 88.7 % and 0.975. On
centre crops: 89.9 %, 88.2 % and 0.963. docs/results.md explains the difference between the two thresholds.
"""

from ml_collections import ConfigDict

from lfw_jax.configs import base


def get_config() -> ConfigDict:
    config = base.get_config()
    config.data.validation_people = 0.02
    config.data.keep_decoded = True
    config.data.side = 64
    config.data.margin = 6
    config.augmentation.update(
        flip=0.5, rotation=10.0, scale=0.12, shift=0.06,
        brightness=0.15, contrast=0.2, saturation=0.3, erasing=0.3,
    )  # fmt: skip
    config.model = ConfigDict(
        dict(name="patch_resnet", embedding_dim=256, features=(96, 96, 96, 192, 192, 192), dropout=0.4, dtype="float32")
    )
    config.loss = ConfigDict(dict(name="cosface", margin=0.25, scale="1.5*adacos"))
    config.optimizer = base.one_cycle(warmup_epochs=9.0)
    config.training.epochs = 30.0
    config.evaluation.every_epochs = 6.0
    config.evaluation.shift = 3
    config.evaluation.checkpoint = "last"
    return config
