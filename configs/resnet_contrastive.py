"""DOC"""

from ml_collections import ConfigDict

from configs import base


def get_config() -> ConfigDict:
    config = base.experiment()
    config.loss = ConfigDict(dict(name="contrastive", form="squared", neg_margin=1.0, normalize=True))
    config.sampler.name = "pairs"
    return config
