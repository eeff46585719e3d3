"""DOC"""

from ml_collections import ConfigDict

from configs import base


def get_config() -> ConfigDict:
    config = base.experiment()
    config.loss = ConfigDict(dict(name="contrastive", form="linear", pos_margin=0.0, neg_margin=1.0))
    config.miner = ConfigDict(dict(name="triplet_margin", margin=0.2, kind="semihard"))
    config.sampler.name = "people_images"
    return config
