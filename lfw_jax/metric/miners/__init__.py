"""Mine: which pairs and triplets count, and how often.

Shapes are static, selections carry no gradient, and no array is larger than a few times anchors × references. A miner takes
what `compare` returned, of a batch with itself or with other references, and gives weights that any loss takes. Miners that
draw at random take `key=`. `statistics(pairs, weights)` is what training logs of a selection.
"""

from lfw_jax.metric.miners.bounds import multi_similarity, pair_margin
from lfw_jax.metric.miners.distance_weighted import distance_weighted
from lfw_jax.metric.miners.hard import STRATEGIES, batch_easy_hard, batch_hard
from lfw_jax.metric.miners.histogram import uniform_histogram
from lfw_jax.metric.miners.triplet_margin import KINDS, triplet_margin
from lfw_jax.metric.selection import (
    DrawnTriplets,
    PairWeights,
    TripletInterval,
    as_triplets,
    every_pair,
    statistics,
)

__all__ = [
    "KINDS",
    "STRATEGIES",
    "DrawnTriplets",
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
