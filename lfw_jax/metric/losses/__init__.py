"""Losses: pairs and their counts in, a float32 scalar with finite gradients out.

An empty selection gives loss 0 and gradient 0.
"""

from lfw_jax.metric.losses.contrastive import contrastive, contrastive_of_pairs
from lfw_jax.metric.losses.margin import margin
from lfw_jax.metric.losses.similarity import circle, multi_similarity
from lfw_jax.metric.losses.softmax import n_pairs, ntxent, supcon
from lfw_jax.metric.losses.structured import generalized_lifted_structure, lifted_structure
from lfw_jax.metric.losses.triplet import triplet

__all__ = [
    "circle",
    "contrastive",
    "contrastive_of_pairs",
    "generalized_lifted_structure",
    "lifted_structure",
    "margin",
    "multi_similarity",
    "n_pairs",
    "ntxent",
    "supcon",
    "triplet",
]
