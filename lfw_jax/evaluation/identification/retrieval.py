"""Retrieval within one set, leave-one-out: precision@1, R-precision, MAP@R and recall@k."""

import numpy as np
from jaxtyping import Bool, Float, Int

from lfw_jax.evaluation.identification.protocol import Templates
from lfw_jax.evaluation.identification.results import RateAtRank, RetrievalRates, RetrievalResult
from lfw_jax.evaluation.identification.search import BLOCK, search_blocks

RECALLS = (1, 2, 4, 8, 16, 32)
"""The k of recall@k, as far as a set has so many other items."""


def retrieve(templates: Templates, *, block: tuple[int, int] = BLOCK) -> RetrievalResult | None:
    """Search every item of a set among all others.

    R of a query is the number of other items of its identity. Items without one, and distractors, are no queries but can be
    found. Memory grows with a block of queries times the largest R; time with the square of the set.

    Args:
      templates: images or templates.
      block: number of queries and of items that are compared at a time.

    Returns:
      The result; None if fewer than two identities have two items.

    Source: Musgrave, Belongie, Lim, "A Metric Learning Reality Check", ECCV 2020 (precision@1, R-precision, MAP@R);
      Jégou, Douze, Schmid, "Product quantization for nearest neighbor search", PAMI 2011, and Oh Song et al., "Deep Metric
      Learning via Lifted Structured Feature Embedding", CVPR 2016 (recall@k).
    """
    names, labels, counts = np.unique(templates.subjects, return_inverse=True, return_counts=True)
    relevant = np.where(templates.known, counts[labels] - 1, 0)
    if np.sum((counts > 1) & (names != "")) < 2:
        return None
    recalls = [k for k in RECALLS if k < len(templates)]
    best = max(int(relevant.max()), *recalls)
    measures, ranks = [], []
    for part, found in search_blocks(templates, templates, best=best, leave_one_out=True, block=block):
        queries = relevant[part] > 0
        hits = labels[found.candidates] == labels[part][:, None]
        measures.append(measures_at_r(hits[queries], relevant[part][queries]))
        ranks.append(np.where(hits.any(axis=1), hits.argmax(axis=1), best)[queries])
    values, first = np.concatenate(measures), np.concatenate(ranks)
    labels = labels[relevant > 0]
    sizes = np.bincount(labels)
    means = [np.bincount(labels, weights=value)[sizes > 0] / sizes[sizes > 0] for value in values.T]
    return RetrievalResult(
        items=len(templates),
        queries=len(values),
        identities=int(np.sum(sizes > 0)),
        over_queries=RetrievalRates(*values.mean(axis=0).tolist()),
        over_identities=RetrievalRates(*(float(mean.mean()) for mean in means)),
        recall=tuple(RateAtRank(k, float(np.mean(first < k))) for k in recalls),
    )


def measures_at_r(
    hits: Bool[np.ndarray, "queries best"], relevant: Int[np.ndarray, "queries"]
) -> Float[np.ndarray, "queries 3"]:
    """Return precision@1, R-precision and average precision at R of each query.

    Args:
      hits: for each query, true where the item at a rank has its identity, as far as the largest R at least.
      relevant: R of each query, at least 1.
    """
    ranks = np.arange(1, hits.shape[1] + 1)
    counted = hits & (ranks <= relevant[:, None])
    precision = np.cumsum(hits, axis=1) / ranks
    return np.stack([hits[:, 0], counted.sum(axis=1) / relevant, (precision * counted).sum(axis=1) / relevant], axis=1)
