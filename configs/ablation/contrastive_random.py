"""Contrastive loss on random pairs in place of CosFace.

Hypothesis: random pairs are learned early and then give no gradient, so that unseen identities are separated least.
"""

from ml_collections import ConfigDict

from lfw_jax.configs import ablation


def get_config() -> ConfigDict:
    config = ablation.baseline.get_config()
    config.loss = ConfigDict(dict(name="contrastive", form="linear", pos_margin=0.0, neg_margin=1.0))
    config.sampler.name = "pairs"
    return config
