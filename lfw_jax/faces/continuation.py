"""Continuation of an aligned folder: crops of earlier runs that belong to the present images."""

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePath

from lfw_jax.data.batches.feeder import cores
from lfw_jax.data.images import ImageSet
from lfw_jax.faces.content import content_digest, read_content
from lfw_jax.faces.journal import Journal
from lfw_jax.faces.manifest import Row
from lfw_jax.faces.tasks import NamedCrop

_IMAGES_AT_ONCE = 4096


@dataclasses.dataclass(frozen=True)
class Earlier:
    """The crops of earlier runs.

    Attributes:
      kept: the row of each crop that belongs to a present image, by its file.
      replaced: the number of crops that will be made again because their image has other content, or because they are missing.
      orphans: the files of the crops that no present image has.
    """

    kept: dict[str, int]
    replaced: int
    orphans: list[str]


def compare(
    journal: Journal,
    images: ImageSet,
    crops: Iterable[NamedCrop],
    folder: Path,
    *,
    progress: Callable[[int], object],
    reread: bool = True,
) -> Earlier:
    """Find the crops of earlier runs that belong to the present images.

    A crop belongs to an image if it has the file that is due to this image, and was made of the same content. A row of an earlier
    version records no content; its crop belongs to an image of the same name. In the journal, the source and the content of such
    crops are updated.

    Args:
      journal: the manifest.
      images: the present images.
      crops: their crops, from `named_crops`.
      folder: the folder of the crops.
      progress: takes the number of compared images.
      reread: read the images to compare their content. Otherwise it is known to be that of the rows.

    Raises:
      OSError: the manifest cannot be written.
    """
    latest = {row.file: index for index, row in enumerate(journal.rows) if row.file}
    candidates = ((index, source, latest.pop(file)) for index, file, source in crops if file in latest)
    kept: dict[str, int] = {}
    replaced = 0

    def content(candidate: tuple[int, str, int]) -> str | None:
        index, source, place = candidate
        return _common_content(images, index, source, journal.rows[place], folder, reread)

    with ThreadPoolExecutor(cores()) as threads:
        for some in _chunks(candidates):
            updated: list[Row] = []
            for (_, source, place), found in zip(some, threads.map(content, some), strict=True):
                row = journal.rows[place]
                if found is None:
                    replaced += 1
                elif (row.source, row.content) == (source, found):
                    kept[row.file] = place
                else:
                    kept[row.file] = len(journal.rows) + len(updated)
                    updated.append(dataclasses.replace(row, source=source, content=found))
            if updated:
                journal.append(updated)
            progress(len(kept) + replaced)
    return Earlier(kept, replaced, [file for file in latest if (folder / file).is_file()])


def _common_content(images: ImageSet, index: int, source: str, row: Row, folder: Path, reread: bool) -> str | None:
    """Return the digest of an image's content if the crop of a row was made of it, otherwise None."""
    if row.fault or not (folder / row.file).is_file():
        return None
    if not row.content and PurePath(row.source).name != PurePath(source).name:
        return None
    if row.content and not reread:
        return row.content
    try:
        content = content_digest(read_content(images.images[index]))
    except OSError:  # the aligner reports it
        return None
    return content if row.content in ("", content) else None


def _chunks(candidates: Iterator[tuple[int, str, int]]) -> Iterator[list[tuple[int, str, int]]]:
    while some := list(itertools.islice(candidates, _IMAGES_AT_ONCE)):
        yield some
