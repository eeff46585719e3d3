"""Experiment 2b: ResNet-50 and margin loss with a learned β on pairs sampled uniformly over distance.

Reproduces the report's use of "Sampling Matters" (Wu et al. 2017, arXiv:1706.07567): batches of 32 identities × 4
images. The uniform-histogram miner samples ten pairs from each of a hundred distance bins, separately for positives
and negatives, and combines them to triplets as pytorch-metric-learning does.

    python launch.py --config=configs/margin_histogram.py --config.data.source=folder --config.data.dir=LFW

Cost: 1.8 million images; 34 hours on two CPU cores (15 images per second). Meant for a GPU.
Expect: in the words of the report "works on some examples", similar to experiment 2a.
"""

from ml_collections import ConfigDict

from lfw_jax.configs import base


def get_config() -> ConfigDict:
    config = base.experiment()
    config.loss = ConfigDict(dict(name="margin", margin=0.2, beta=1.2, nu=0.0, learn_beta=True, beta_per_class=False))
    config.miner = ConfigDict(dict(name="uniform_histogram", num_bins=100, pos_per_bin=10, neg_per_bin=10, joined=True))
    config.sampler.name = "people_images"
    return config
