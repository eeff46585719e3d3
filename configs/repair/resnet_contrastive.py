"""Experiment 1.2 on two CPU cores with batch normalisation of the embedding.

Hypothesis: embeddings use more dimensions, but random pairs still hold few look-alikes, so that it helps less than with ArcFace.

    python launch.py --config=repair/resnet_contrastive --config.data.source=folder --config.data.dir=LFW
"""

from ml_collections import ConfigDict

from lfw_jax.configs import base, cpu


def get_config() -> ConfigDict:
    return base.with_embedding_norm(cpu.resnet_contrastive.get_config())
