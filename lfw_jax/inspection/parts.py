"""Which part of an experiment each person belongs to, and who is in none."""

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
    VALIDATION: "held out of training to choose the best checkpoint",
    TEST: "named in the test pairs",
    DEVELOPMENT: "kept out of training, and in development pairs alone",
    NONE: "set aside by the protocol, and in no pair",
}
_EXAMPLES = 5


@dataclasses.dataclass(frozen=True, eq=False)
class Parts:
    """The parts of a data set.

    Attributes:
      split: where they came from.
      person: `[people]`, the part of each person of the set: an index into `NAMES`. Who trains counts as training, also
        where development pairs name them.
      image: `[images]`, the part in which each image is used; `NONE` for one that neither trains nor is in a pair.
      counts: `[people]`, the images of each person.
      reasons: why a person does not train, by name: everybody who does not, those whom the sampler leaves out included.
      undrawn: training people with fewer images than the sampler asks for.
    """

    split: Split
    person: Int[np.ndarray, "people"]
    image: Int[np.ndarray, "images"]
    counts: Int[np.ndarray, "people"]
    reasons: dict[str, str]
    undrawn: int

    def summary(self, images: ImageSet) -> dict[str, Any]:
        """What goes into inspection.json: parts, who is left out by reason, the protocol's notes."""
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


def assign_parts(images: ImageSet, split: Split, *, drawn_from: int = 1) -> Parts:
    """Say of each person and image where it is used.

    Args:
      images: the whole set.
      split: its parts.
      drawn_from: the fewest images with which the sampler draws a person; those with fewer are left out.
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
        else:  # the list brings images of its own, which may be any of these
            image[np.isin(images.labels, people)] = part
    person[[label[name] for name in split.training.names if name in label]] = TRAINING
    image[np.isin(codes, _codes(split.training, label))] = TRAINING
    counts = np.bincount(images.labels, minlength=len(images.names))
    reasons = {
        name: _REASONS[part] for name, part in zip(images.names, person.tolist(), strict=True) if part != TRAINING
    }
    reasons |= {name: f"named in {where}" for name, where in split.kept_out.items() if reasons[name] == _REASONS[NONE]}
    of_training = np.bincount(split.training.labels, minlength=len(split.training.names))
    few = np.flatnonzero(of_training < drawn_from)
    reasons |= {split.training.names[i]: f"fewer than {drawn_from} images, which the sampler asks for" for i in few}
    return Parts(split, person, image, counts, reasons, len(few))


def identity_rows(images: ImageSet, parts: Parts | None) -> list[tuple[str, int, str, str]]:
    """Name, images, part and the reason for not training, of every person, sorted by name.

    People whose folder holds no readable image are among them. Without a split there are no parts.

    Args:
      images: the set.
      parts: its parts; None where the split failed.
    """
    counts = np.bincount(images.labels, minlength=len(images.names)).tolist()
    if parts:
        places = [NAMES[part] for part in parts.person.tolist()]
        why = [parts.reasons.get(name, "") for name in images.names]
    else:
        places = why = [""] * len(images.names)
    gone = [(name, 0, NAMES[NONE] if parts else "", _no_image(count)) for name, count in _vanished(images).items()]
    return sorted([*zip(images.names, counts, places, why, strict=True), *gone])


def _codes(images: ImageSet, label: dict[str, int]) -> Int[np.ndarray, "images"]:
    """One number an image, made of its person and its number; a set of millions has no room for tuples."""
    person = np.array([label.get(name, -1) for name in images.names], np.int64)
    return person[images.labels] << 32 | np.asarray(images.numbers, np.int64)


def _codes_of(keys: Iterable[Key], label: dict[str, int]) -> Int[np.ndarray, "keys"]:
    return np.array([label.get(name, -1) << 32 | number for name, number in keys], np.int64)


def _vanished(images: ImageSet) -> dict[str, int]:
    """People whose folder holds no readable image, or cannot be read itself, and what was skipped of each: nobody of the set.

    Only where a person is a folder; a list may name people as it likes.
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
