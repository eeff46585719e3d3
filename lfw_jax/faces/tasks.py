"""The images of a set as tasks for the aligner."""

from collections.abc import Container, Iterator
from pathlib import Path

from lfw_jax.data.images import ImageSet
from lfw_jax.faces.aligner import Task
from lfw_jax.faces.naming import crop_files
from lfw_jax.faces.saving import FileFormat

NamedCrop = tuple[int, str, str]
"""The index of an image in its set, the file of its crop, and the name of the image."""


def tasks(
    images: ImageSet, file_format: FileFormat, done: Container[str] = (), *, own_names: bool = True
) -> Iterator[Task]:
    """Yield a task for each image whose crop does not exist yet.

    Args:
      images: the set; an image is read when its task is requested.
      file_format: the format of the crops.
      done: the files of existing crops.
      own_names: as for `named_crops`.
    """
    for index, file, source in named_crops(images, file_format, own_names=own_names):
        if file not in done:
            yield Task(images.images[index], source, file)


def named_crops(images: ImageSet, file_format: FileFormat, *, own_names: bool = True) -> Iterator[NamedCrop]:
    """Yield the index, the crop's file and the source's name of each image, without reading the images.

    The crop is called `<identity>/<name of the image>`, or `<identity>/<identity>_0001` if the image has no name.

    Args:
      images: the set.
      file_format: the format of the crops.
      own_names: use the names of files. Otherwise the identities, the image numbers and their order determine all crops' files.
    """
    by_file = own_names and images.storage == "files"

    def names() -> Iterator[tuple[str, str]]:
        for index, label in enumerate(images.labels.tolist()):
            identity, image = images.names[label], images.images[index] if by_file else None
            name = image.name if isinstance(image, Path) else f"{identity}_{int(images.numbers[index]):04d}"
            yield identity, name

    for index, file in enumerate(crop_files(names(), file_format)):
        yield index, file, _printable(images.describe(index))


def _printable(text: str) -> str:
    """Replace line breaks, so that a row of the manifest is one line."""
    return "".join(" " if letter in "\r\n" else letter for letter in text)
