"""The number of images per identity."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Int

# Lower ends of the first bins of the histogram; bins are narrow where most identities are.
_STEPS = (1, 2, 3, 4, 5, 10, 20, 50)
_MOST = 10


@dataclasses.dataclass(frozen=True, eq=False)
class ImagesPerIdentity:
    """The number of images of each identity that has any.

    Attributes:
      names: the identities.
      counts: `[identities]`, the number of images of each.
    """

    names: tuple[str, ...]
    counts: Int[np.ndarray, "identities"]

    @property
    def singletons(self) -> int:
        """The number of identities with one image."""
        return int((self.counts == 1).sum())

    @property
    def top_share(self) -> float:
        """The share of all images that belong to the 1 % of identities (at least one) with the most images."""
        ordered = np.sort(self.counts)[::-1]
        return float(ordered[: max(1, len(ordered) // 100)].sum() / ordered.sum()) if len(ordered) else 0.0

    def histogram(self) -> list[dict[str, int]]:
        """Return the numbers of identities and images in bins of images per identity."""
        if not len(self.counts):
            return []
        lows, which = bins(self.counts)
        identities = np.bincount(which, minlength=len(lows))
        images = np.bincount(which, self.counts, minlength=len(lows)).astype(np.int64)
        first = int(which.min())
        highs = [*(low - 1 for low in lows[1:]), max(int(self.counts.max()), lows[-1])]
        return [
            {"from": lows[i], "to": highs[i], "identities": int(identities[i]), "images": int(images[i])}
            for i in range(first, len(lows))
        ]

    def summary(self) -> dict[str, Any]:
        """Return the facts for inspection.json: statistics, histogram, largest identities."""
        most = np.argsort(-self.counts, kind="stable")[:_MOST]
        return {
            "min": int(self.counts.min()) if len(self.counts) else 0,
            "median": float(np.median(self.counts)) if len(self.counts) else 0.0,
            "mean": float(self.counts.mean()) if len(self.counts) else 0.0,
            "max": int(self.counts.max(initial=0)),
            "singletons": self.singletons,
            "top_share": self.top_share,
            "histogram": self.histogram(),
            "most": [[self.names[i], int(self.counts[i])] for i in most.tolist()],
        }


def images_per_identity(names: Sequence[str], labels: Int[np.ndarray, "images"]) -> ImagesPerIdentity:
    """Count the images of each identity; identities without an image are omitted.

    Args:
      names: the identities.
      labels: `[images]`, the identity of each image, as an index into `names`.
    """
    counts = np.bincount(labels, minlength=len(names))
    present = np.flatnonzero(counts)
    return ImagesPerIdentity(tuple(names[i] for i in present.tolist()), counts[present])


def bins(counts: Int[np.ndarray, "identities"]) -> tuple[list[int], Int[np.ndarray, "identities"]]:
    """Assign identities to bins of images per identity.

    The bins are 1, 2, 3, 4, 5-9, 10-19, 20-49, 50-99, …

    Args:
      counts: `[identities]`, the number of images of each identity.

    Returns:
      The lower ends of the bins, and `[identities]`, the bin of each identity.
    """
    lows = _bin_starts(int(counts.max(initial=1)))
    return lows, np.searchsorted(lows, counts, side="right") - 1


def _bin_starts(largest: int) -> list[int]:
    """Return the lower ends of bins up to `largest`: 1, 2, 3, 4, 5, 10, 20, 50, 100, 200, 500, …"""
    starts = list(_STEPS)
    while starts[-1] <= largest:
        starts += [scale * 10 ** len(str(starts[-1])) for scale in (1, 2, 5)]
    return [start for start in starts if start <= largest]
