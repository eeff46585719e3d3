"""The part of the split that each identity and each image belongs to."""

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from lfw_jax.data.images import ImageSet
from lfw_jax.data.pair_list import Key, PairList
from lfw_jax.data.protocols.splits import Split

TRAINING, VALIDATION, TEST, DEVELOPMENT, NONE = range(5)
NAMES = ("training", "validation", "test", "development", "none")

_REASONS = {
    VALIDATION: "held out for validation",
    TEST: "in the test pairs",
    DEVELOPMENT: "only in development pairs",
    NONE: "neither in training nor in a pair",
}
_EXAMPLES = 5


@dataclasses.dataclass(frozen=True, eq=False)
class Parts:
    """The assignment of a data set to the parts of its split.

    Attributes:
      split: the split.
      person: `[people]`, the part of each identity, as an index into `NAMES`. Training identities that are also in development
        pairs count as training.
      image: `[images]`, the part of each image; `NONE` for an image that is neither used for training nor in a pair.
      counts: `[people]`, the number of images of each identity.
      reasons: for each identity that is not used for training, the reason; identities excluded by the sampler are included.
      excluded_by_sampler: the number of training identities with fewer images than the sampler needs.
    """

    split: Split
    person: Int[np.ndarray, "people"]
    image: Int[np.ndarray, "images"]
    counts: Int[np.ndarray, "people"]
    reasons: dict[str, str]
    excluded_by_sampler: int

    def summary(self, images: ImageSet) -> dict[str, Any]:
        """Return the facts for inspection.json: parts, exclusions by reason, and notes."""
        split = self.split
        lists = {"validation": split.validation, "development": split.development, "test": split.test}
        left_out: dict[str, dict[str, Any]] = {}
        for name, count, _, reason in identity_rows(images, self):
            if reason:
                entry = left_out.setdefault(
                    "no readable image" if not count else reason, {"people": 0, "images": 0, "examples": []}
                )
                entry["people"] += 1
                entry["images"] += count
                entry["examples"] += [name] if len(entry["examples"]) < _EXAMPLES else []
        training = self.person == TRAINING
        return {
            "training": {"people": len(split.training.names), "images": len(split.training)},
            "pairs": {part: _pairs(pairs) for part, pairs in lists.items()},
            "unused_images_of_training_people": int(self.counts[training].sum()) - len(split.training),
            "left_out": left_out,
            "notes": list(split.notes),
        }


def assign_parts(images: ImageSet, split: Split, *, least_images: int = 1) -> Parts:
    """Assign each identity and each image to a part of the split.

    Args:
      images: the data set.
      split: its split.
      least_images: the least number of images per identity that the sampler needs; it excludes identities with fewer.
    """
    label = {name: i for i, name in enumerate(images.names)}
    person = np.full(len(images.names), NONE)
    image = np.full(len(images), NONE)
    codes = _codes(images, label)
    for part, pairs in ((DEVELOPMENT, split.development), (VALIDATION, split.validation), (TEST, split.test)):
        people = [label[name] for name in pairs.identities() if name in label]
        person[people] = part
        if split.images_of(pairs) is images:
            image[np.isin(codes, _codes_of(pairs.keys(), label))] = part
        else:  # an external list, whose images may be any images of these identities
            image[np.isin(images.labels, people)] = part
    person[[label[name] for name in split.training.names if name in label]] = TRAINING
    image[np.isin(codes, _codes(split.training, label))] = TRAINING
    counts = np.bincount(images.labels, minlength=len(images.names))
    reasons = {
        name: _REASONS[part] for name, part in zip(images.names, person.tolist(), strict=True) if part != TRAINING
    }
    reasons |= {name: f"named in {where}" for name, where in split.excluded.items() if reasons[name] == _REASONS[NONE]}
    of_training = np.bincount(split.training.labels, minlength=len(split.training.names))
    few = np.flatnonzero(of_training < least_images)
    reasons |= {split.training.names[i]: f"fewer than {least_images} images, the minimum of the sampler" for i in few}
    return Parts(split, person, image, counts, reasons, len(few))


def identity_rows(images: ImageSet, parts: Parts | None) -> list[tuple[str, int, str, str]]:
    """Return a row for each identity, sorted by name.

    A row is the name, the number of images, the part, and the reason why the identity is not used for training.
    Identities whose folder has no readable image are included. Without a split, parts and reasons are empty.

    Args:
      images: the data set.
      parts: its parts; None if the split failed.
    """
    counts = np.bincount(images.labels, minlength=len(images.names)).tolist()
    if parts:
        names = [NAMES[part] for part in parts.person.tolist()]
        why = [parts.reasons.get(name, "") for name in images.names]
    else:
        names = why = [""] * len(images.names)
    gone = [(name, 0, NAMES[NONE] if parts else "", _no_image(count)) for name, count in _vanished(images).items()]
    return sorted([*zip(images.names, counts, names, why, strict=True), *gone])


def _codes(images: ImageSet, label: dict[str, int]) -> Int[np.ndarray, "images"]:
    """Encode the identity and number of each image in one integer, which takes less memory than a tuple."""
    person = np.array([label.get(name, -1) for name in images.names], np.int64)
    return person[images.labels] << 32 | np.asarray(images.numbers, np.int64)


def _codes_of(keys: Iterable[Key], label: dict[str, int]) -> Int[np.ndarray, "keys"]:
    return np.array([label.get(name, -1) << 32 | number for name, number in keys], np.int64)


def _vanished(images: ImageSet) -> dict[str, int]:
    """Return the identities without a readable image, and the number of skipped files of each.

    They are known only if each identity is a folder; the names of a list are arbitrary.
    """
    first = images.images[0] if images.storage == "files" and len(images) else None
    if not isinstance(first, Path) or first.parent.name != images.names[images.labels[0]]:
        return {}
    root, present = first.parent.parent, set(images.names)
    missing: dict[str, int] = {}
    for skipped in images.skipped:
        path = Path(skipped.path)
        name = path.name if path.parent == root else path.parent.name if path.parent.parent == root else None
        if name and name not in present:
            missing[name] = missing.get(name, 0) + 1
    return missing


def _no_image(count: int) -> str:
    return f"no readable image: {count} skipped"


def _pairs(pairs: PairList) -> dict[str, Any]:
    same = int(pairs.same.sum())
    return {
        "list": pairs.name,
        "people": len(pairs.identities()),
        "images": len(pairs.keys()),
        "same": same,
        "different": len(pairs) - same,
    }
