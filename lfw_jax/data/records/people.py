"""`<name>.people.json` beside a `.rec`: names and image numbers, which the format cannot store.

InsightFace ignores this file. With it a data set survives the conversion to RecordIO unchanged, so that pair lists still apply.
"""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int, Int32, Int64

from lfw_jax.errors import UserError


@dataclasses.dataclass(frozen=True)
class RecordPeople:
    """The identities of the labels of a set.

    Attributes:
      names: the name of each label.
      first: for each label, the record number of its first image; the others follow it.
      numbers: by label, the image numbers of those identities whose images are not numbered 1, 2, 3 …
    """

    names: Sequence[str]
    first: Sequence[int]
    numbers: dict[int, list[int]]

    def image_numbers(
        self, path: Path, records: Int64[np.ndarray, "images"], labels: Int32[np.ndarray, "images"]
    ) -> Int32[np.ndarray, "images"]:
        """Return the number of each image within its identity.

        The number depends on the record number, so that a missing image does not change the numbers of others.

        Args:
          path: the file, for the message.
          records: `[images]`, the record number of each image.
          labels: `[images]`, the identity of each image.

        Raises:
          UserError: the records do not match the file.
        """
        ranks = records - np.array(self.first, np.int64)[labels]
        wrong = (ranks < 0) | (ranks >= 2**31 - 1)
        numbers = np.where(wrong, 0, ranks + 1).astype(np.int32)
        if self.numbers:  # the concatenated numbers of all identities, with the start and count of each
            given = np.concatenate([np.array(own, np.int32) for own in self.numbers.values()])
            counts = np.zeros(len(self.first), np.int64)
            counts[list(self.numbers)] = [len(own) for own in self.numbers.values()]
            starts = np.zeros(len(self.first), np.int64)
            starts[list(self.numbers)] = np.cumsum([0, *(len(own) for own in self.numbers.values())])[:-1]
            listed = np.isin(labels, list(self.numbers))
            inside = listed & (ranks >= 0) & (ranks < counts[labels])
            wrong = np.where(listed, ~inside, wrong)
            numbers[inside] = given[starts[labels[inside]] + ranks[inside]]
        if wrong.any():
            raise UserError(
                f"{path}: record {records[wrong][0]} does not belong to the identity of its label. Remove the file if the "
                ".rec was written again."
            )
        return numbers


def people_path(rec: Path) -> Path:
    """Return the path of the file that belongs to a `.rec`."""
    return rec.with_suffix(".people.json")


def people_of(
    names: Sequence[str], labels: Int[np.ndarray, "images"], numbers: Int[np.ndarray, "images"]
) -> RecordPeople:
    """Return the content of the file for images sorted by identity, in records from number 1.

    Args:
      names: the name of each label.
      labels: `[images]`, the identity of each image, sorted.
      numbers: `[images]`, the number of each image within its identity.
    """
    starts = np.searchsorted(labels, np.arange(len(names) + 1))
    given = {}
    for label, (start, end) in enumerate(zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True)):
        if not np.array_equal(numbers[start:end], np.arange(1, end - start + 1)):
            given[label] = numbers[start:end].tolist()
    return RecordPeople(names, (starts[:-1] + 1).tolist(), given)


def people_text(people: RecordPeople) -> str:
    """Return the text of the file."""
    content = {"names": list(people.names), "first": list(people.first), "numbers": people.numbers}
    return json.dumps(content, ensure_ascii=False) + "\n"


def read_people_file(path: Path) -> RecordPeople:
    """Read a `.people.json` file.

    Raises:
      UserError: the file has other content.
    """
    try:
        people = _parse(json.loads(path.read_bytes()))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OSError) as error:
        raise UserError(
            f"{path}: found other content ({error}), expected names and numbers as `write_records` saves them. Correct or "
            "remove the file."
        ) from error
    return people


def _parse(content: Any) -> RecordPeople:
    """Return the identities in the content of a file. Raises ValueError, TypeError, KeyError or AttributeError."""
    names, first = content["names"], content["first"]
    numbers = {int(label): given for label, given in content["numbers"].items()}
    if not all(isinstance(name, str) for name in names) or not len(set(names)) == len(names) == len(first):
        raise ValueError("the names are not distinct texts, one for each first record")
    for name in names:
        if any("\ud800" <= letter <= "\udfff" for letter in name):
            raise ValueError(f"the name {name!a} is not valid text")
    if not all(type(number) is int and 0 < number < 2**62 for number in first):
        raise ValueError("a first record is not a number from 1")
    for label, given in numbers.items():
        if not 0 <= label < len(names) or not all(type(number) is int and 0 <= number < 2**31 for number in given):
            raise ValueError(f"the image numbers of label {label} are not numbers of an identity")
        if len(set(given)) < len(given):
            raise ValueError(f"{names[label]} has two images with the same number")
    return RecordPeople(names, first, numbers)
