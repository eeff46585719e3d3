"""Bootstrap over identities: resampled weights of pairs that share identities.

Each resample gives every identity a weight with mean 1 and variance 1. The weight of a pair of two identities is the product
of their weights, the weight of a pair within one identity is the weight of that identity. All pairs of an identity enter and
leave a resample together, so the spread of a metric over the resamples includes the dependence of its pairs.

Sources: Snijders & Borgatti, "Non-parametric standard errors and tests for network statistics", Connections 22, 1999 (the
vertex bootstrap); Owen & Eckles, "Bootstrapping data arrays of arbitrary order", Annals of Applied Statistics 6, 2012 (double
or nothing); Fogliato, Patil & Perona, "Confidence intervals for error rates in 1:1 matching tasks", IJCV 2024 (both, for pairs
of faces).
"""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float, Shaped

from lfw_jax.evaluation.intervals.identity_graph import IdentityGraph, identity_graph

KINDS = ("vertex", "double_or_nothing")
"""The kinds of bootstrap over identities."""

RESAMPLES = 1000
"""Number of resamples by default: the ends of a 95 % interval are then the 25th and the 975th of the sorted resamples."""

_BLOCK_WEIGHTS = 1 << 18


def identity_weights(
    identities: Shaped[np.ndarray, "pairs 2"] | IdentityGraph,
    *,
    resamples: int = RESAMPLES,
    kind: str = "vertex",
    seed: int = 0,
    block: int | None = None,
) -> Iterator[Float[np.ndarray, "block pairs"]]:
    """Yield the weights of all pairs in each resample of the identities, in blocks of resamples.

    Equal arguments give equal weights, whatever the size of the blocks. Two lists of metrics on the same pairs are compared
    with the same weights. The weights are whole numbers. In a resample all of them may be zero, if there are few identities.

    Args:
      identities: names or numbers of the two identities of each pair, or their graph.
      resamples: number of resamples.
      kind: "vertex": as many identities are drawn, with replacement, as there are, and the weight of an identity is its
        multiplicity. "double_or_nothing": the weight of an identity is 0 or 2, with equal probability.
      seed: seed of the resampling.
      block: number of resamples in a block; by default as many as keep a block near 2 MB.

    Raises:
      ValueError: an unknown kind, no resample, or identities of another shape.
    """
    if kind not in KINDS:
        raise ValueError(f"found the bootstrap {kind!r}, expected one of {', '.join(KINDS)}")
    if resamples < 1 or (block is not None and block < 1):
        raise ValueError(f"found {resamples} resamples in blocks of {block}, expected at least 1")
    graph = identities if isinstance(identities, IdentityGraph) else identity_graph(identities)
    size = block or max(1, _BLOCK_WEIGHTS // len(graph))
    return _blocks(graph, resamples, kind, np.random.default_rng(seed), size)


def edge_weights(
    identities: Shaped[np.ndarray, "pairs 2"] | IdentityGraph,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    block: int | None = None,
) -> Iterator[Float[np.ndarray, "block pairs"]]:
    """Yield the weights of all pairs if edges are resampled, not identities, in blocks of resamples.

    All pairs of the same two identities have the same weight, 0 or 2, independent of any other; pairs within one identity have
    weight 1. The spread of a metric over these resamples is the part that the edges have of their own, beside the effects of
    their identities. `percentiles.bootstrap_intervals` corrects the bootstrap over identities by it.

    Args:
      identities: names or numbers of the two identities of each pair, or their graph.
      resamples: number of resamples.
      seed: seed of the resampling.
      block: number of resamples in a block; by default as many as keep a block near 2 MB.

    Raises:
      ValueError: no resample, or identities of another shape.
    """
    if resamples < 1 or (block is not None and block < 1):
        raise ValueError(f"found {resamples} resamples in blocks of {block}, expected at least 1")
    graph = identities if isinstance(identities, IdentityGraph) else identity_graph(identities)
    size = block or max(1, _BLOCK_WEIGHTS // len(graph))
    return _edge_blocks(graph, resamples, np.random.default_rng(seed), size)


def _edge_blocks(
    graph: IdentityGraph, resamples: int, generator: np.random.Generator, size: int
) -> Iterator[Float[np.ndarray, "block pairs"]]:
    edges = int(graph.edge_labels.max(initial=-1)) + 1
    for start in range(0, resamples, size):
        rows = min(size, resamples - start)
        weights = np.ones((rows, len(graph)))
        weights[:, graph.edges] = np.take(2.0 * generator.integers(0, 2, (rows, edges)), graph.edge_labels, axis=1)
        yield weights


def _blocks(
    graph: IdentityGraph, resamples: int, kind: str, generator: np.random.Generator, size: int
) -> Iterator[Float[np.ndarray, "block pairs"]]:
    loops = np.flatnonzero(graph.loops)
    for start in range(0, resamples, size):
        rows = min(size, resamples - start)
        of_identity = _weights_of_identities(graph.vertices, rows, kind, generator)
        weights = np.take(of_identity, graph.first, axis=1)
        weights *= np.take(of_identity, graph.second, axis=1)
        weights[:, loops] = np.take(of_identity, graph.first[loops], axis=1)
        yield weights


def _weights_of_identities(
    vertices: int, rows: int, kind: str, generator: np.random.Generator
) -> Float[np.ndarray, "rows vertices"]:
    if kind == "double_or_nothing":
        return 2.0 * generator.integers(0, 2, (rows, vertices))
    drawn = generator.integers(0, vertices, (rows, vertices))
    drawn += vertices * np.arange(rows)[:, None]
    return np.bincount(drawn.ravel(), minlength=rows * vertices).reshape(rows, vertices).astype(np.float64)
