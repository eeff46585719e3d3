"""Experiment 3 on two CPU cores with batch normalisation of the embedding.

Hypothesis: ArcFace does not recognise its training images because all embeddings lie in a cone (docs/why.md).

    python launch.py --config=repair/arcface --config.data.source=folder --config.data.dir=LFW
"""

from ml_collections import ConfigDict

from lfw_jax.configs import base, cpu


def get_config() -> ConfigDict:
    return base.with_embedding_norm(cpu.arcface.get_config())
