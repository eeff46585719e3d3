"""Experiment 2b on two CPU cores with batch normalisation of the embedding.

Hypothesis: distances spread over the whole range, so that sampling by their histogram has bins to choose from.

    python launch.py --config=repair/margin_histogram --config.data.source=folder --config.data.dir=LFW
"""

from ml_collections import ConfigDict

from lfw_jax.configs import base, cpu


def get_config() -> ConfigDict:
    return base.with_embedding_norm(cpu.margin_histogram.get_config())
