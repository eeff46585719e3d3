"""DOC"""

from ml_collections import ConfigDict

from configs import base


def get_config() -> ConfigDict:
    config = base.experiment()
    config.model = ConfigDict(
        dict(name="siamese", embedding_dim=128, features=(32, 64, 128), hidden=256, dtype="float32")
    )
    config.loss = ConfigDict(dict(name="contrastive", form="squared", neg_margin=1.0, normalize=False))
    config.sampler.name = "pairs"
    config.training.epochs = 100.0
    return config
