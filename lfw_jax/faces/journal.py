"""The manifest as a journal: rows are appended while images are aligned."""

import glob
from collections.abc import Iterable, Iterator
from pathlib import Path

from lfw_jax.faces.aligner import Task, in_batches
from lfw_jax.faces.manifest import HEADER, UNFINISHED, Row, Rows, parse, write_manifest


class Journal:
    """A manifest that is read, and to which rows are appended while images are aligned.

    Of several rows with the same file, the last one counts.

    Args:
      path: the file. It is created if it is missing or has no complete line. An incomplete last line is removed, and a manifest
        of an earlier version is converted.

    Attributes:
      rows: all rows of the file, without those that `announced` appended since it was read.

    Raises:
      UserError: the file is not a manifest.
    """

    def __init__(self, path: Path):
        self._path = path
        content = path.read_bytes() if path.is_file() else b""
        whole = content[: content.rfind(b"\n") + 1]  # a killed run may leave an incomplete row
        self.rows = parse(path, whole) if whole else Rows()
        if not whole.startswith(HEADER) or whole != content:
            write_manifest(path, self.rows)

    def append(self, rows: list[Row]) -> None:
        """Append rows to the file. When this returns, they have been handed to the operating system."""
        added = Rows(rows)
        self._write(added)
        self.rows.extend(added)

    def announced(self, tasks: Iterable[Task], size: int) -> Iterator[Task]:
        """Yield tasks, after a row without a crop was appended for each: `size` tasks at once.

        After a kill at any moment, a file whose last row is such a row is known to be a crop, but not of which image.

        Args:
          tasks: the images whose crops are about to be written.
          size: the number of tasks per write.
        """
        for some in in_batches(tasks, size):
            self._write(Rows(Row(task.file, task.source, None, 0, UNFINISHED) for task in some))
            yield from some

    def remove_unfinished(self) -> None:
        """Remove the temporary files that a killed run left beside the crops that it was writing."""
        pending: set[str] = set()
        for row in self.rows:
            (pending.add if row.fault == UNFINISHED else pending.discard)(row.file)
        for file in pending:
            crop = self._path.parent / file
            for left in crop.parent.glob(glob.escape(f".{crop.name[:40]}.") + "*.unfinished"):
                left.unlink(missing_ok=True)

    def _write(self, rows: Rows) -> None:
        with self._path.open("ab") as file:
            file.write(rows.text)
