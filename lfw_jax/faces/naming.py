"""What the crop of an image is called: its person's folder and its own name, safe as files on any system."""

import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import PurePath

from lfw_jax.faces.saving import FileFormat

_LONGEST = 120  # characters: four bytes each at most, and a file name has room for 255 bytes with an ending
_FORBIDDEN = set('/\\:*?"<>|')


def safe_name(text: str) -> str:
    """A text as the name of a file or folder: in any script, without what a system may refuse.

    What is refused becomes "_"; two texts may become one name.
    """
    letters = (
        "_" if letter in _FORBIDDEN or unicodedata.category(letter).startswith("C") else letter for letter in text
    )
    name = "".join(letters)[:_LONGEST].strip().rstrip(".")
    while len(name.encode()) > 200:
        name = name[:-1]
    return ("_" + name[1:] if name.startswith(".") else name) or "_"


def crop_files(images: Iterable[tuple[str, str]], file_format: FileFormat) -> Iterator[str]:
    """A path below the output folder for each image, all different, a function of the images and their order.

    Args:
      images: of each image its person and its own name: a file's name, or `<person>_0001`.
      file_format: the ending.
    """
    taken: set[int] = set()
    for person, name in images:
        stem = safe_name(PurePath(name).stem if PurePath(name).suffix.lower() in _ENDINGS else name)
        path, again = f"{safe_name(person)}/{stem}.{file_format}", 1
        while hash(path.casefold()) in taken:  # hashes: a set of paths is too much for millions of images
            again += 1
            path = f"{safe_name(person)}/{stem}~{again}.{file_format}"
        taken.add(hash(path.casefold()))
        yield path


_ENDINGS = {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp"}
