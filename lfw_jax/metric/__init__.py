"""Pair comparison, mining and losses as pure functions of arrays, on jax and numpy alone.

pairs   = compare(embeddings, labels)                      # distances [a, r], positive and negative masks [a, r]
weights = miners.triplet_margin(pairs, kind="semihard")    # count of each pair: two arrays [a, r]
loss    = losses.contrastive(pairs, weights)               # scalar
"""

from lfw_jax.metric import heads, losses, memory, miners, pairs, triplets
from lfw_jax.metric.pairs import Pairs, compare
from lfw_jax.metric.selection import PairWeights

__all__ = ["PairWeights", "Pairs", "compare", "heads", "losses", "memory", "miners", "pairs", "triplets"]
