"""Impostor comparisons: distances between images of different identities, with their identities."""

import dataclasses
import functools
from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int

from lfw_jax.backends.unit_length import unit_length
from lfw_jax.evaluation.embeddings import EmbeddedImages
from lfw_jax.evaluation.intervals.identity_graph import IdentityGraph
from lfw_jax.evaluation.scores import ScoredPairs

AT_MOST_IMAGES = 1000
"""Largest number of images that are compared with each other: half a million comparisons."""

_BLOCK = 4096  # pairs, so that their embeddings stay in the cache


@dataclasses.dataclass(frozen=True, eq=False)
class ImpostorComparisons:
    """Comparisons of images of different identities, sorted by distance.

    Attributes:
      distances: distance of each comparison, rising.
      first: index of the first identity of each comparison.
      second: index of the second identity.
      identities: number of identities.
      known: false if identities are unknown, and each comparison stands for one of its own.
    """

    distances: Float[np.ndarray, "comparisons"]
    first: Int[np.ndarray, "comparisons"]
    second: Int[np.ndarray, "comparisons"]
    identities: int
    known: bool = True

    @functools.cached_property
    def graph(self) -> IdentityGraph:
        """The identities as a graph, for intervals."""
        return IdentityGraph(self.identities, self.first, self.second, self.known)

    def __len__(self) -> int:
        return len(self.distances)


Measure = Callable[[Int[np.ndarray, "pairs"], Int[np.ndarray, "pairs"]], Float[np.ndarray, "pairs"]]
"""Returns the distances of pairs of images, given by their rows."""


def euclidean_measure(images: EmbeddedImages) -> Measure:
    """Return the distance of `pair_distances`, with all embeddings normalised once.

    Args:
      images: the embedded images.
    """
    unit = unit_length(images.embeddings)

    def measure(first: Int[np.ndarray, "pairs"], second: Int[np.ndarray, "pairs"]) -> Float[np.ndarray, "pairs"]:
        distances = np.empty(len(first))
        for start in range(0, len(first), _BLOCK):
            block = slice(start, start + _BLOCK)
            distances[block] = np.sqrt(np.sum((unit[first[block]] - unit[second[block]]) ** 2, axis=1))
        return distances

    return measure


def all_impostors(
    images: EmbeddedImages, measure: Measure | None = None, *, at_most: int = AT_MOST_IMAGES, seed: int = 0
) -> ImpostorComparisons:
    """Compare every image with all images of other identities.

    A list of pairs names few of these comparisons. All of them support a false match rate that is lower by one or two orders of
    magnitude.

    Args:
      images: the embedded images.
      measure: the distance; by default the Euclidean one of embeddings of length 1.
      at_most: the number of images to use; of more images, a random sample is compared.
      seed: seed of the sample.

    Raises:
      ValueError: images of fewer than two identities.
    """
    labels = images.labels()
    chosen = np.arange(len(labels))
    if len(labels) > at_most:
        chosen = np.sort(np.random.default_rng(seed).choice(len(labels), at_most, replace=False))
    names, labels = np.unique(labels[chosen], return_inverse=True)
    if len(names) < 2:
        raise ValueError(f"{images.name}: found images of {len(names)} identity, expected at least 2")
    one, other = np.triu_indices(len(chosen), k=1)
    differ = labels[one] != labels[other]
    one, other = one[differ], other[differ]
    distances = (measure or euclidean_measure(images))(chosen[one], chosen[other])
    order = np.argsort(distances, kind="stable")
    return ImpostorComparisons(distances[order], labels[one][order], labels[other][order], len(names))


def impostors_of(
    pairs: ScoredPairs, images: EmbeddedImages, measure: Measure | None = None, *, seed: int = 0
) -> ImpostorComparisons:
    """Return the impostor comparisons of a list.

    They are all those of its images, or the different pairs of a list that names no identities: in a `.bin` file one
    person has several names, so that images of two names are not known to show two people.

    Args:
      pairs: the scored pairs.
      images: their embedded images.
      measure: the distance that the pairs have; by default the Euclidean one of embeddings of length 1.
      seed: seed of the sample if there are many images.

    Raises:
      ValueError: images of fewer than two identities.
    """
    if pairs.named:
        return all_impostors(images, measure, seed=seed)
    distances = np.sort(pairs.distances[~pairs.same])
    each = np.arange(len(distances))
    return ImpostorComparisons(distances, each, each, len(each), known=False)
