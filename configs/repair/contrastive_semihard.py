"""Experiment 2a on two CPU cores with batch normalisation of the embedding.

Hypothesis: semihard negatives of a cone are look-alikes by chance; without the cone, mining finds those of the identity.

    python launch.py --config=repair/contrastive_semihard --config.data.source=folder --config.data.dir=LFW
"""

from ml_collections import ConfigDict

from lfw_jax.configs import base, cpu


def get_config() -> ConfigDict:
    return base.with_embedding_norm(cpu.contrastive_semihard.get_config())
