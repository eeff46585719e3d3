"""The images of a set as tasks for the aligner."""

from collections.abc import Container, Iterator
from pathlib import Path

from lfw_jax.data.images import ImageSet
from lfw_jax.faces.aligner import Task
from lfw_jax.faces.naming import crop_files
from lfw_jax.faces.saving import FileFormat


def tasks(images: ImageSet, file_format: FileFormat, done: Container[str] = ()) -> Iterator[Task]:
    """Each image with where its crop goes: `<person>/<its own name>`, or `<person>/<person>_0001` without one.

    Args:
      images: the set; an image is read when its task is asked for.
      file_format: of the crops.
      done: crops that are there.
    """
    for place, file, source in named_crops(images, file_format):
        if file not in done:
            yield Task(images.images[place], source, file)


def named_crops(images: ImageSet, file_format: FileFormat) -> Iterator[tuple[int, str, str]]:
    """The place, the crop's file and the source's name of each image, none of which is read for it."""

    def own_names() -> Iterator[tuple[str, str]]:
        for place, label in enumerate(images.labels.tolist()):
            person, image = images.names[label], images.images[place] if images.storage == "files" else None
            name = image.name if isinstance(image, Path) else f"{person}_{int(images.numbers[place]):04d}"
            yield person, name

    for place, file in enumerate(crop_files(own_names(), file_format)):
        yield place, file, _printable(images.describe(place))


def _printable(text: str) -> str:
    """A source as one line: a manifest's rows are lines, even where a file's name is not."""
    return "".join(" " if letter in "\r\n" else letter for letter in text)
