"""Duplicates by consequence: copies, wrong labels, and leakage between parts of the split."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from lfw_jax.data.duplicates.near_duplicates import NEAR
from lfw_jax.data.images import ImageSet
from lfw_jax.inspection.headers import short_name
from lfw_jax.inspection.likeness import Likeness
from lfw_jax.inspection.parts import NAMES, TEST, TRAINING, VALIDATION, Parts

COLUMNS = (
    "image", "identity", "part", "other_image", "other_identity", "other_part", "same_bytes", "distance",
)  # fmt: skip
_LISTED = 50


def leaking(likeness: Likeness, parts: Parts) -> Bool[np.ndarray, "pairs"]:
    """Return the mask of pairs of a training image and a validation or test image.

    Args:
      likeness: the pairs of duplicates.
      parts: the parts of the split.
    """
    one, other = np.sort(parts.image[likeness.pairs], axis=1).T  # TRAINING is the smallest
    return (one == TRAINING) & ((other == VALIDATION) | (other == TEST))


def most_serious_first(images: ImageSet, likeness: Likeness, parts: Parts | None) -> Int[np.ndarray, "pairs"]:
    """Return the order of pairs: leakage first, then two identities, then the most similar.

    Args:
      images: the data set.
      likeness: the pairs of duplicates.
      parts: the parts of the split; None without a split.

    Returns:
      `[pairs]`, indices of pairs.
    """
    across = likeness.across_identities(images.labels)
    leaks = leaking(likeness, parts) if parts else np.zeros(len(across), bool)
    return np.lexsort((likeness.distances, ~likeness.exact, ~across, ~leaks))


def rows(images: ImageSet, likeness: Likeness, parts: Parts | None) -> Iterator[list[Any]]:
    """Yield all pairs as rows with `COLUMNS`, most serious first; without a split the parts are empty."""
    for row in most_serious_first(images, likeness, parts).tolist():
        line: list[Any] = []
        for index in likeness.pairs[row].tolist():
            part = NAMES[parts.image[index]] if parts else ""
            line += [images.describe(index), images.names[images.labels[index]], part]
        same = "yes" if likeness.exact[row] else "no"
        yield [*line, same, int(likeness.distances[row])]


def summary(images: ImageSet, likeness: Likeness, parts: Parts | None) -> dict[str, Any]:
    """Return the facts for inspection.json: counts, and the 50 most serious pairs."""
    across = likeness.across_identities(images.labels)
    leaks = leaking(likeness, parts) if parts else None
    within_copies, across_copies = likeness.copies(images.labels)
    serious = across | leaks if leaks is not None else across
    order = [row for row in most_serious_first(images, likeness, parts).tolist() if serious[row]]
    return {
        "same_bytes": {
            "groups": len(likeness.groups),
            "within_identities": within_copies,
            "across_identities": across_copies,
        },
        "near": {
            "within_identities": int((~likeness.exact & ~across).sum()),
            "across_identities": int((~likeness.exact & across).sum()),
        },
        "on_both_sides": None if leaks is None else int(leaks.sum()),
        "distance_bits": {"at_most": NEAR, "of": 256},
        "complete": likeness.complete,
        "pairs": [_one(images, likeness, parts, row) for row in order[:_LISTED]],
        "pairs_left_out": max(0, len(order) - _LISTED),
    }


def _one(images: ImageSet, likeness: Likeness, parts: Parts | None, row: int) -> dict[str, Any]:
    one, other = likeness.pairs[row].tolist()
    return {
        "images": [short_name(images, one), short_name(images, other)],
        "indices": [one, other],
        "identities": [images.names[images.labels[one]], images.names[images.labels[other]]],
        "parts": [NAMES[parts.image[index]] for index in (one, other)] if parts else None,
        "same_bytes": bool(likeness.exact[row]),
        "distance": int(likeness.distances[row]),
    }
