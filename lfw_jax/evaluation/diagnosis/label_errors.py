"""Likely label errors: pairs and images whose distances contradict their labels beyond chance."""

import dataclasses
import math
from typing import Literal

import numpy as np

from lfw_jax.evaluation.diagnosis.neighbours import Neighbours
from lfw_jax.evaluation.embeddings import EmbeddedImages
from lfw_jax.evaluation.scores import ScoredPairs

FALSE_ALARMS = 0.1
"""Expected number of correctly labelled pairs of one kind that are reported, if the tail of their distances is exponential."""

AGREEING = 3
"""Number of nearest neighbours that must belong to one other identity."""

SHOWN = 12
"""Number of suspects of each kind that are listed."""

FEWEST_PAIRS = 100
"""Number of pairs of a label below which its tail is not interpreted."""

_TAIL = 0.1


@dataclasses.dataclass(frozen=True)
class SuspectPair:
    """A pair whose distance contradicts its label.

    Attributes:
      pair: index of the pair in the list, from 0.
      labelled: its label.
      distance: its distance.
      expected: number of pairs of this label at such a distance, or a more extreme one, that an exponential tail lets expect.
    """

    pair: int
    labelled: Literal["same", "different"]
    distance: float
    expected: float


@dataclasses.dataclass(frozen=True)
class SuspectImage:
    """An image whose nearest neighbours all belong to one other identity.

    Attributes:
      identity: name of the identity of its label.
      number: number of the image among those of this identity.
      neighbour: name of the identity of its nearest neighbours.
      neighbour_number: number of the nearest neighbour among the images of that identity.
      distance: distance of the nearest neighbour.
      own_distance: distance of the nearest image of its own identity.
    """

    identity: str
    number: int
    neighbour: str
    neighbour_number: int
    distance: float
    own_distance: float


@dataclasses.dataclass(frozen=True)
class LabelErrors:
    """The likely label errors of a list.

    Attributes:
      pair_count: number of suspect pairs.
      pairs: the suspect pairs, the least expected first, at most `SHOWN`.
      pair_false_alarms: expected number of suspect pairs if all labels were correct and tails exponential.
      image_count: number of suspect images.
      images: the suspect images, those with the smallest distance relative to that of their own identity first, at most `SHOWN`.
      image_false_alarms: expected number of suspect images if all labels were correct and wrong neighbours independent.
    """

    pair_count: int
    pairs: tuple[SuspectPair, ...]
    pair_false_alarms: float
    image_count: int
    images: tuple[SuspectImage, ...]
    image_false_alarms: float


def label_errors(
    pairs: ScoredPairs, images: EmbeddedImages | None, neighbours: Neighbours | None, threshold: float
) -> LabelErrors:
    """Return the likely label errors.

    Args:
      pairs: the scored pairs.
      images: the embedded images of the list; None if there are none.
      neighbours: their nearest neighbours, at least `AGREEING` of each; None if there are too few images.
      threshold: distances below it are accepted as one identity.
    """
    suspects = sorted(suspect_pairs(pairs), key=lambda suspect: suspect.expected)
    found: list[SuspectImage] = []
    chance = 0.0
    if images is not None and neighbours is not None:
        found, chance = suspect_images(images, neighbours, threshold)
        found.sort(key=lambda suspect: suspect.distance - suspect.own_distance)
    # Both labels have at most `FALSE_ALARMS`.
    return LabelErrors(
        len(suspects), tuple(suspects[:SHOWN]), 2 * FALSE_ALARMS, len(found), tuple(found[:SHOWN]), chance
    )


def suspect_pairs(pairs: ScoredPairs) -> list[SuspectPair]:
    """Return the pairs whose distance is typical of the other label and too extreme for their own.

    The tail of the distances of each label, its extreme tenth, is taken as exponential, with the median excess of the pairs in
    it, which a few wrong labels do not move. (Peaks over a threshold: Pickands, "Statistical inference using extreme order
    statistics", Annals of Statistics 3, 1975; the tail of a Gaussian is shorter, so that the rule is cautious.) A pair is
    suspect if it is nearer to the median of the other label than to that of its own, and if `FALSE_ALARMS` or fewer pairs of its
    own label are expected at such a distance in the whole list. Distributions that overlap much give no suspects, nor do labels
    with fewer than `FEWEST_PAIRS` pairs.

    Args:
      pairs: the scored pairs.
    """
    found = []
    kinds: tuple[tuple[Literal["same", "different"], float], ...] = (("same", 1.0), ("different", -1.0))
    for label, sign in kinds:
        own = np.flatnonzero(pairs.same == (label == "same"))
        values = sign * pairs.distances[own]  # large values contradict the label
        other = float(np.median(sign * pairs.distances[pairs.same != (label == "same")]))
        middle = (float(np.median(values)) + other) / 2
        start = float(np.quantile(values, 1 - _TAIL))
        excess = values[values > start] - start
        if len(own) < FEWEST_PAIRS or not len(excess):
            continue
        mean = float(np.median(excess)) / math.log(2)
        for index in np.flatnonzero((values > middle) & (values > start)).tolist():
            expected = len(excess) * math.exp(-(values[index] - start) / mean)
            if expected <= FALSE_ALARMS:
                found.append(SuspectPair(int(own[index]), label, float(pairs.distances[own[index]]), expected))
    return found


def suspect_images(
    images: EmbeddedImages, neighbours: Neighbours, threshold: float
) -> tuple[list[SuspectImage], float]:
    """Return the images that seem to show another identity, and the expected number of false alarms.

    An image is suspect if its identity has other images, none of them nearer than the threshold, while its `AGREEING` nearest
    neighbours are nearer than the threshold and all of one other identity.

    The expected number supposes correct labels, and that wrong neighbours are independent of one another: then each image whose
    nearest neighbours are all wrong and near has these from the identity of the first one with the probability of sampling its
    other images. A real look-alike violates this, so the number is a lower bound.

    Args:
      images: the embedded images.
      neighbours: their nearest neighbours.
      threshold: distances below it are accepted as one identity.
    """
    labels = images.labels()
    sizes = np.bincount(labels)
    nearest = neighbours.indices[:, :AGREEING]
    identities = labels[nearest]
    candidates = (
        np.isfinite(neighbours.own)
        & (neighbours.own >= threshold)
        & (identities != labels[:, None]).all(axis=1)
        & (neighbours.distances[:, AGREEING - 1] < threshold)
    )
    others = len(labels) - 1
    chance = np.ones(len(labels))
    for taken in range(1, AGREEING):
        chance *= np.maximum(sizes[identities[:, 0]] - taken, 0) / max(1, others - taken)
    suspects = np.flatnonzero(candidates & (identities == identities[:, :1]).all(axis=1))
    return [
        SuspectImage(
            identity=str(images.identities[i]),
            number=int(images.numbers[i]),
            neighbour=str(images.identities[nearest[i, 0]]),
            neighbour_number=int(images.numbers[nearest[i, 0]]),
            distance=float(neighbours.distances[i, 0]),
            own_distance=float(neighbours.own[i]),
        )
        for i in suspects.tolist()
    ], float(chance[candidates].sum())
