"""`<name>.people.json` beside a `.rec`: names and image numbers, which the format cannot store.

InsightFace ignores this file. With it a data set survives the conversion to RecordIO unchanged, so that pair lists still apply.
"""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

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
        content = json.loads(path.read_bytes())
        names, first = content["names"], content["first"]
        numbers = {int(label): given for label, given in content["numbers"].items()}
        good = all(isinstance(name, str) for name in names) and len(set(names)) == len(names) == len(first)
        good &= all(type(number) is int and 0 < number < 2**62 for number in first)
        good &= all(0 <= label < len(names) for label in numbers)
        good &= all(type(n) is int and 0 <= n < 2**31 for given in numbers.values() for n in given)
        if not good:
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OSError) as error:
        raise UserError(
            f"{path}: found other content, expected names and numbers as `write_records` saves them. Correct or remove the file."
        ) from error
    return RecordPeople(names, first, numbers)
