"""`<name>.people.json` beside a `.rec`: the names and image numbers that the format itself has no place for.

InsightFace does not look at it. With it a data set comes back from RecordIO as it was, so that pair lists can be followed.
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
    """Who the labels of a set are.

    Attributes:
      names: of each label.
      first: the number of the record of each one's first image; the others follow it.
      numbers: by label, the numbers of the images of those people whose images do not count 1, 2, 3 …
    """

    names: Sequence[str]
    first: Sequence[int]
    numbers: dict[int, list[int]]

    def image_numbers(
        self, path: Path, records: Int64[np.ndarray, "images"], labels: Int32[np.ndarray, "images"]
    ) -> Int32[np.ndarray, "images"]:
        """The number of each image among its person's: by its record, so that one that is missing moves no other.

        Args:
          path: of the file, for the message.
          records: `[images]`, the number of each image's record.
          labels: `[images]`.

        Raises:
          UserError: the records are not where the file says.
        """
        places = records - np.array(self.first, np.int64)[labels]
        wrong = (places < 0) | (places >= 2**31 - 1)
        numbers = np.where(wrong, 0, places + 1).astype(np.int32)
        if self.numbers:  # those of all people one after another, with where each person's start and how many they are
            given = np.concatenate([np.array(some, np.int32) for some in self.numbers.values()])
            counts = np.zeros(len(self.first), np.int64)
            counts[list(self.numbers)] = [len(some) for some in self.numbers.values()]
            starts = np.zeros(len(self.first), np.int64)
            starts[list(self.numbers)] = np.cumsum([0, *(len(some) for some in self.numbers.values())])[:-1]
            listed = np.isin(labels, list(self.numbers))
            inside = listed & (places >= 0) & (places < counts[labels])
            wrong = np.where(listed, ~inside, wrong)
            numbers[inside] = given[starts[labels[inside]] + places[inside]]
        if wrong.any():
            raise UserError(
                f"{path}: record {records[wrong][0]} does not belong to the person whom it names there. Remove the file if the "
                ".rec was made anew."
            )
        return numbers


def people_path(rec: Path) -> Path:
    """The file that belongs to a `.rec`."""
    return rec.with_suffix(".people.json")


def people_of(
    names: Sequence[str], labels: Int[np.ndarray, "images"], numbers: Int[np.ndarray, "images"]
) -> RecordPeople:
    """What to keep of images that stand person after person in records 1, 2, 3 …, `labels` and `numbers` in that order."""
    starts = np.searchsorted(labels, np.arange(len(names) + 1))
    given = {}
    for label, (start, end) in enumerate(zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True)):
        if not np.array_equal(numbers[start:end], np.arange(1, end - start + 1)):
            given[label] = numbers[start:end].tolist()
    return RecordPeople(names, (starts[:-1] + 1).tolist(), given)


def people_text(people: RecordPeople) -> str:
    """The text of the file."""
    content = {"names": list(people.names), "first": list(people.first), "numbers": people.numbers}
    return json.dumps(content, ensure_ascii=False) + "\n"


def read_people_file(path: Path) -> RecordPeople:
    """Read such a file. Raises UserError for anything else."""
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
            f"{path}: expected names and numbers as `write_records` leaves them. Correct or remove the file."
        ) from error
    return RecordPeople(names, first, numbers)
