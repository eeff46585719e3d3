"""An index from each identity to its images, compact even for very large sets."""

import numpy as np
from jaxtyping import Int, Int64

_PART = 2**22  # labels per pass


class ImagesByIdentity:
    """An index from each identity to its images, in the order of the set.

    It takes 12 bytes per identity. Unsorted labels take another 4 bytes per image; the labels of folders and .rec files are
    sorted.

    Args:
      labels: `[images]`, the identity of each image, from 0.

    Attributes:
      counts: `[identities]`, the number of images of each identity, which may be 0.
    """

    def __init__(self, labels: Int[np.ndarray, "images"]):
        self._order = None
        if not _is_sorted(labels):
            order = np.argsort(labels, kind="stable").astype(np.int32 if len(labels) < 2**31 else np.int64)
            self._order, labels = order, labels[order]
        identities = int(labels[-1]) + 1 if len(labels) else 0
        bounds = np.searchsorted(labels, np.arange(identities + 1, dtype=labels.dtype))
        self._starts = bounds[:-1]
        self.counts = np.diff(bounds).astype(np.int32)

    def at(self, people: Int[np.ndarray, "..."], numbers: Int[np.ndarray, "..."]) -> Int64[np.ndarray, "..."]:
        """Return the indices in the set of chosen images of identities.

        Args:
          people: identities.
          numbers: for each identity, the position of the image among its images, from 0.

        Returns:
          The index in the set of each image.
        """
        indices = self._starts[people] + numbers
        return indices if self._order is None else self._order[indices].astype(np.int64)


def count_identities(labels: Int[np.ndarray, "images"]) -> int:
    """Return the number of identities that have at least one image."""
    present = np.zeros(int(labels.max()) + 1 if len(labels) else 0, bool)
    for start in range(0, len(labels), _PART):
        present[labels[start : start + _PART]] = True
    return int(present.sum())


def _is_sorted(labels: Int[np.ndarray, "images"]) -> bool:
    return all(
        bool((labels[start + 1 : start + _PART + 1] >= labels[start : start + _PART][: len(labels) - start - 1]).all())
        for start in range(0, len(labels), _PART)
    )
