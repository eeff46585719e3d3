"""File names of crops, `<identity>/<image>`, which are valid on all systems."""

import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import PurePath

from lfw_jax.faces.saving import FileFormat

_LONGEST = 120  # characters
_FORBIDDEN = set('/\\:*?"<>|')


def safe_name(text: str) -> str:
    """Return a text as the name of a file or folder that is valid on all systems.

    Characters that a system may refuse become "_", and long names are cut to 200 bytes, so that different texts may
    get the same name.

    Example:
      >>> safe_name("a/b?")
      'a_b_'
    """
    letters = (
        "_" if letter in _FORBIDDEN or unicodedata.category(letter).startswith("C") else letter for letter in text
    )
    name = "".join(letters)[:_LONGEST].strip().rstrip(".")
    while len(name.encode()) > 200:
        name = name[:-1]
    return ("_" + name[1:] if name.startswith(".") else name) or "_"


def crop_files(images: Iterable[tuple[str, str]], file_format: FileFormat) -> Iterator[str]:
    """Yield a distinct path for each crop, relative to the output folder.

    The paths depend on the images and their order only.

    Args:
      images: the identity and the name of each image: a file name, or `<identity>_0001`.
      file_format: the file name extension.
    """
    taken: set[int] = set()
    for identity, name in images:
        stem = safe_name(PurePath(name).stem if PurePath(name).suffix.lower() in IMAGE_ENDINGS else name)
        path, count = f"{safe_name(identity)}/{stem}.{file_format}", 1
        while hash(path.casefold()) in taken:  # hashes, because a set of millions of paths takes too much memory
            count += 1
            path = f"{safe_name(identity)}/{stem}~{count}.{file_format}"
        taken.add(hash(path.casefold()))
        yield path


IMAGE_ENDINGS = {
    ".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".avif", ".pbm", ".pgm", ".ppm", ".pnm",
}  # fmt: skip
