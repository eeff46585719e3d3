"""DOC"""

from ml_collections import ConfigDict

from configs import base


def get_config() -> ConfigDict:
    config = base.experiment()
    config.loss = ConfigDict(dict(name="arcface", margin=0.5, scale="adacos"))
    config.optimizer.name = "adamw"
    config.optimizer.weight_decay = 0.05
    return config
