"""Miners: select pairs and triplets, with a count for each pair.

A miner takes the result of `compare`, of a batch with itself or with other references, and returns weights that any
loss accepts. Shapes are static, selections carry no gradient, and no array is larger than a few times anchors ×
references. Miners that sample take `key=`. `statistics(pairs, weights)` summarises a selection for training logs.
"""

from lfw_jax.metric.miners.bounds import multi_similarity, pair_margin
from lfw_jax.metric.miners.distance_weighted import distance_weighted
from lfw_jax.metric.miners.hard import STRATEGIES, batch_easy_hard, batch_hard
from lfw_jax.metric.miners.histogram import uniform_histogram
from lfw_jax.metric.miners.triplet_margin import KINDS, triplet_margin
from lfw_jax.metric.selection import (
    SampledTriplets,
    PairWeights,
    TripletInterval,
    as_triplets,
    every_pair,
    statistics,
)

__all__ = [
    "KINDS",
    "STRATEGIES",
    "SampledTriplets",
    "PairWeights",
    "TripletInterval",
    "as_triplets",
    "batch_easy_hard",
    "batch_hard",
    "distance_weighted",
    "every_pair",
    "multi_similarity",
    "pair_margin",
    "statistics",
    "triplet_margin",
    "uniform_histogram",
]
