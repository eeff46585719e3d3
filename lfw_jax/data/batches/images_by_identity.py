"""Where each person's images are in a set of labels, in little memory however many images there are."""

import numpy as np
from jaxtyping import Int, Int64

_PART = 2**22  # labels looked at at a time


class ImagesByIdentity:
    """Each person's images, in the order of the set.

    Memory: 12 bytes a person; where the labels do not rise, as those of folders and .rec files do, 4 bytes an image more.

    Args:
      labels: `[images]`, the person of each image, from 0.

    Attributes:
      counts: `[people]`, images of each person, which may be 0.
    """

    def __init__(self, labels: Int[np.ndarray, "images"]):
        self._order = None
        if not _rising(labels):
            order = np.argsort(labels, kind="stable").astype(np.int32 if len(labels) < 2**31 else np.int64)
            self._order, labels = order, labels[order]
        people = int(labels[-1]) + 1 if len(labels) else 0
        bounds = np.searchsorted(labels, np.arange(people + 1, dtype=labels.dtype))
        self._starts = bounds[:-1]
        self.counts = np.diff(bounds).astype(np.int32)

    def at(self, people: Int[np.ndarray, "..."], numbers: Int[np.ndarray, "..."]) -> Int64[np.ndarray, "..."]:
        """The place in the set of each person's image number so and so, from 0."""
        places = self._starts[people] + numbers
        return places if self._order is None else self._order[places].astype(np.int64)


def count_identities(labels: Int[np.ndarray, "images"]) -> int:
    """How many people have an image."""
    present = np.zeros(int(labels.max()) + 1 if len(labels) else 0, bool)
    for start in range(0, len(labels), _PART):
        present[labels[start : start + _PART]] = True
    return int(present.sum())


def _rising(labels: Int[np.ndarray, "images"]) -> bool:
    return all(
        bool((labels[start + 1 : start + _PART + 1] >= labels[start : start + _PART][: len(labels) - start - 1]).all())
        for start in range(0, len(labels), _PART)
    )
