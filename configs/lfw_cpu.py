"""DOC"""

from ml_collections import ConfigDict

from configs import base


def get_config() -> ConfigDict:
    config = base.get_config()
    config.data.validation_people = 0.02
    config.data.keep_decoded = True
    config.data.side = 64
    config.data.margin = 6
    config.augmentation = ConfigDict(
        dict(
            flip=0.5, rotation=10.0, scale=0.12, shift=0.06,
            brightness=0.15, contrast=0.2, saturation=0.3, erasing=0.3,
        )
    )  # fmt: skip
    config.model = ConfigDict(
        dict(name="patch_resnet", embedding_dim=256, features=(96, 96, 96, 192, 192, 192), dropout=0.4, dtype="float32")
    )
    config.loss = ConfigDict(dict(name="cosface", margin=0.25, scale="1.5*adacos"))
    config.optimizer = ConfigDict(
        dict(
            name="adamw", learning_rate=2e-3, weight_decay=0.05, clip_norm=0.0,
            warmup_epochs=9.0, constant_epochs=0.0, decay="cosine", final_fraction=0.0,
        )
    )  # fmt: skip
    config.training.epochs = 30.0
    config.evaluation.every_epochs = 6.0
    config.evaluation.shift = 3
    config.evaluation.checkpoint = "last"
    return config
