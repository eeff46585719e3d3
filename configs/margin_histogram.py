"""DOC"""

from ml_collections import ConfigDict

from configs import base


def get_config() -> ConfigDict:
    config = base.experiment()
    config.loss = ConfigDict(dict(name="margin", margin=0.2, beta=1.2, nu=0.0, learn_beta=True, beta_per_class=False))
    config.miner = ConfigDict(dict(name="uniform_histogram", num_bins=100, pos_per_bin=10, neg_per_bin=10, joined=True))
    config.sampler.name = "people_images"
    return config
