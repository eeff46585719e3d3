"""The images of a set as tasks for the aligner."""

from collections.abc import Container, Iterator
from pathlib import Path

from lfw_jax.data.images import ImageSet
from lfw_jax.faces.aligner import Task
from lfw_jax.faces.naming import crop_files
from lfw_jax.faces.saving import FileFormat


def tasks(images: ImageSet, file_format: FileFormat, done: Container[str] = ()) -> Iterator[Task]:
    """Yield a task for each image whose crop does not exist yet.

    The crop is called `<identity>/<name of the image>`, or `<identity>/<identity>_0001` if the image has no name.

    Args:
      images: the set; an image is read when its task is requested.
      file_format: the format of the crops.
      done: the files of existing crops.
    """
    for index, file, source in named_crops(images, file_format):
        if file not in done:
            yield Task(images.images[index], source, file)


def named_crops(images: ImageSet, file_format: FileFormat) -> Iterator[tuple[int, str, str]]:
    """Yield the index, the crop's file and the source's name of each image, without reading the images.

    Args:
      images: the set.
      file_format: the format of the crops.
    """

    def own_names() -> Iterator[tuple[str, str]]:
        for index, label in enumerate(images.labels.tolist()):
            identity, image = images.names[label], images.images[index] if images.storage == "files" else None
            name = image.name if isinstance(image, Path) else f"{identity}_{int(images.numbers[index]):04d}"
            yield identity, name

    for index, file in enumerate(crop_files(own_names(), file_format)):
        yield index, file, _printable(images.describe(index))


def _printable(text: str) -> str:
    """Replace line breaks, so that a row of the manifest is one line."""
    return "".join(" " if letter in "\r\n" else letter for letter in text)
