"""Like images seen by what they mean: copies of one person, wrong names, and pictures on both sides of the split."""

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
    "image", "person", "part", "other_image", "other_person", "other_part", "same_bytes", "distance",
)  # fmt: skip
_LISTED = 50


def leaking(likeness: Likeness, parts: Parts) -> Bool[np.ndarray, "pairs"]:
    """Which pairs stand on both sides: one image trains, the other is judged (validation or test)."""
    one, other = np.sort(parts.image[likeness.pairs], axis=1).T  # TRAINING is the smallest
    return (one == TRAINING) & ((other == VALIDATION) | (other == TEST))


def gravest_first(images: ImageSet, likeness: Likeness, parts: Parts | None) -> Int[np.ndarray, "pairs"]:
    """The order in which pairs are looked at: on both sides of the split, across people, then the more alike."""
    across = likeness.across_people(images.labels)
    leaks = leaking(likeness, parts) if parts else np.zeros(len(across), bool)
    return np.lexsort((likeness.distances, ~likeness.exact, ~across, ~leaks))


def rows(images: ImageSet, likeness: Likeness, parts: Parts | None) -> Iterator[list[Any]]:
    """All pairs as rows under `COLUMNS`, the gravest first; without a split the parts are empty."""
    for row in gravest_first(images, likeness, parts).tolist():
        line: list[Any] = []
        for place in likeness.pairs[row].tolist():
            part = NAMES[parts.image[place]] if parts else ""
            line += [images.describe(place), images.names[images.labels[place]], part]
        same = "yes" if likeness.exact[row] else "no"
        yield [*line, same, int(likeness.distances[row])]


def summary(images: ImageSet, likeness: Likeness, parts: Parts | None) -> dict[str, Any]:
    """What goes into inspection.json: counts, and the 50 gravest pairs of two people or of both sides of the split."""
    across = likeness.across_people(images.labels)
    leaks = leaking(likeness, parts) if parts else None
    within_copies, across_copies = likeness.copies(images.labels)
    shown = across | leaks if leaks is not None else across
    order = [row for row in gravest_first(images, likeness, parts).tolist() if shown[row]]
    return {
        "same_bytes": {"groups": len(likeness.groups), "within_people": within_copies, "across_people": across_copies},
        "near": {
            "within_people": int((~likeness.exact & ~across).sum()),
            "across_people": int((~likeness.exact & across).sum()),
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
        "places": [one, other],
        "people": [images.names[images.labels[one]], images.names[images.labels[other]]],
        "parts": [NAMES[parts.image[place]] for place in (one, other)] if parts else None,
        "same_bytes": bool(likeness.exact[row]),
        "distance": int(likeness.distances[row]),
    }
