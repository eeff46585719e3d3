"""Experiment 2b: ResNet-50, margin loss with a learned β on pairs drawn evenly over distance.

Reproduces the report's use of "Sampling Matters" (Wu et al. 2017, arXiv:1706.07567): 32 people × 4 images a batch; the
uniform-histogram miner draws ten pairs from each of a hundred bins of distance, positives and negatives apart, joined to
triplets as pytorch-metric-learning does.

    python launch.py --config=configs/margin_histogram.py --config.data.source=folder --config.data.dir=LFW

Cost: 1.8 million images: 34 hours on two CPU cores (15 images a second); meant for a GPU.
Expect: "works on some examples", much as experiment 2a.
"""

from ml_collections import ConfigDict

from lfw_jax.configs import base


def get_config() -> ConfigDict:
    config = base.experiment()
    config.loss = ConfigDict(dict(name="margin", margin=0.2, beta=1.2, nu=0.0, learn_beta=True, beta_per_class=False))
    config.miner = ConfigDict(dict(name="uniform_histogram", num_bins=100, pos_per_bin=10, neg_per_bin=10, joined=True))
    config.sampler.name = "people_images"
    return config
