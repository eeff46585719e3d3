"""Experiment 1.1: a small Siamese network and squared contrastive loss on random pairs.

Reproduces the report's first attempt: convolutions, pooling and linear layers without normalisation, trained for 100
epochs on random positive and negative pairs with `Y·d² + (1−Y)·max(0, m² − d²)` of raw embeddings.

    python launch.py --config=configs/siamese_contrastive.py --config.data.source=folder --config.data.dir=LFW

Cost: 0.9 million images; 4 to 5 hours on two CPU cores (57 images per second).
Expect: as in the report, a plateau near the loss of a constant prediction and a test accuracy little above chance.
Random pairs of mostly dissimilar identities are learned early and then give no gradient.
"""

from ml_collections import ConfigDict

from lfw_jax.configs import base


def get_config() -> ConfigDict:
    config = base.experiment()
    config.model = ConfigDict(
        dict(name="siamese", embedding_dim=128, features=(32, 64, 128), hidden=256, dtype="float32")
    )
    config.loss = ConfigDict(dict(name="contrastive", form="squared", neg_margin=1.0, normalize=False))
    config.sampler.name = "pairs"
    config.training.epochs = 100.0
    return config
