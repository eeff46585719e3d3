"""Experiment 1.2: ResNet-50 with a 128-d embedding and squared contrastive loss on random pairs.

Reproduces the report's second attempt: the same pairs and loss with a deeper network, Adam for 100 epochs at one
learning rate, then 20 more with a decaying one. Embeddings are normalised.

    python launch.py --config=configs/resnet_contrastive.py --config.data.source=folder --config.data.dir=LFW

Cost: 1.1 million images; 20 hours on two CPU cores (15 images per second). Meant for a GPU.
Expect: a lower loss than experiment 1.1 on the training identities, still "unsatisfying" on unseen ones.
"""

from ml_collections import ConfigDict

from lfw_jax.configs import base


def get_config() -> ConfigDict:
    config = base.experiment()
    config.loss = ConfigDict(dict(name="contrastive", form="squared", neg_margin=1.0, normalize=True))
    config.sampler.name = "pairs"
    return config
