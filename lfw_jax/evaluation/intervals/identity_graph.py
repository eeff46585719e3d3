"""The identities of a list of pairs as a graph: its vertices are identities, its edges are pairs."""

import dataclasses
import functools

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from lfw_jax.evaluation.scores import ScoredPairs


@dataclasses.dataclass(frozen=True, eq=False)
class IdentityGraph:
    """The pairs of a list as edges between identities. A pair of images of one identity is a loop.

    Attributes:
      vertices: number of identities.
      first: index of the first identity of each pair, in [0, vertices).
      second: index of the second identity of each pair.
      known: false if the identities are unknown, and each pair stands for one of its own.
    """

    vertices: int
    first: Int[np.ndarray, "pairs"]
    second: Int[np.ndarray, "pairs"]
    known: bool = True

    @functools.cached_property
    def loops(self) -> Bool[np.ndarray, "pairs"]:
        """True for the pairs within one identity."""
        return self.first == self.second

    @functools.cached_property
    def edges(self) -> Int[np.ndarray, "pairs_of_two"]:
        """The indices of the pairs of two different identities."""
        return np.flatnonzero(~self.loops)

    @functools.cached_property
    def edge_labels(self) -> Int[np.ndarray, "pairs_of_two"]:
        """For each of `edges`, the number of its unordered pair of identities among all that occur."""
        low, high = np.minimum(self.first, self.second)[self.edges], np.maximum(self.first, self.second)[self.edges]
        return np.unique(low * self.vertices + high, return_inverse=True)[1]

    @functools.cached_property
    def degrees(self) -> Int[np.ndarray, "vertices"]:
        """The number of pairs in which each identity occurs."""
        in_second = np.bincount(self.second[self.edges], minlength=self.vertices)
        return np.bincount(self.first, minlength=self.vertices) + in_second

    def __len__(self) -> int:
        return len(self.first)

    def subset(self, index: np.ndarray) -> "IdentityGraph":
        """Return the graph of some of the pairs, with the same identities.

        Args:
          index: indices of the pairs, or a mask.
        """
        return IdentityGraph(self.vertices, self.first[index], self.second[index], self.known)

    def sums_by_identity(self, values: Float[np.ndarray, "pairs"]) -> Float[np.ndarray, "vertices"]:
        """Return, for each identity, the sum of the values of the pairs in which it occurs.

        A loop counts once.

            Args:
              values: value of each pair.
        """
        sums = np.bincount(self.first, weights=values, minlength=self.vertices)
        return sums + np.bincount(self.second[self.edges], weights=values[self.edges], minlength=self.vertices)

    def sums_by_edge(self, values: Float[np.ndarray, "pairs"]) -> Float[np.ndarray, "edges"]:
        """Return the sum of the values of all pairs of the same two different identities.

        Args:
          values: value of each pair.
        """
        return np.bincount(self.edge_labels, weights=values[self.edges])

    def sums_by_edge_or_loop(self, values: Float[np.ndarray, "pairs"]) -> Float[np.ndarray, "edges_and_loops"]:
        """Return the sums of `sums_by_edge`, and the sum of the values of all pairs within each identity.

        Args:
          values: value of each pair.
        """
        loops = np.bincount(self.first[self.loops], weights=values[self.loops], minlength=self.vertices)
        return np.concatenate([self.sums_by_edge(values), loops])


def identity_graph(identities: Shaped[np.ndarray, "pairs 2"]) -> IdentityGraph:
    """Return the graph of the identities of a list of pairs.

    Args:
      identities: names or numbers of the two identities of each pair.

    Raises:
      ValueError: another shape, or no pair.
    """
    identities = np.asarray(identities)
    if identities.ndim != 2 or identities.shape[1] != 2 or not len(identities):
        raise ValueError(f"expected identities [pairs, 2], not empty, found shape {identities.shape}")
    names, index = np.unique(identities, return_inverse=True)
    first, second = index.reshape(identities.shape).T
    return IdentityGraph(len(names), np.ascontiguousarray(first), np.ascontiguousarray(second))


def unknown_identities(pairs: int) -> IdentityGraph:
    """Return a graph in which all pairs are independent, for a list without identities.

    Args:
      pairs: number of pairs.
    """
    each = np.arange(pairs)
    return IdentityGraph(pairs, each, each, known=False)


def graph_of(pairs: ScoredPairs) -> IdentityGraph:
    """Return the graph of the identities of a list, or of independent pairs if they are unknown.

    Args:
      pairs: the scored pairs.
    """
    if pairs.identities is None or not pairs.named:
        return unknown_identities(len(pairs))
    return identity_graph(pairs.identities)
