"""The manifest as a journal: rows are appended while images are aligned."""

from pathlib import Path

from lfw_jax.faces.manifest import Row, Rows, parse, write_manifest


class Journal:
    """A manifest that is read, and to which rows are appended while images are aligned.

    Args:
      path: the file. It is created if it is missing or has no complete line. An incomplete last line is removed.

    Attributes:
      rows: all rows of the file.

    Raises:
      UserError: the file is not a manifest.
    """

    def __init__(self, path: Path):
        self._path = path
        content = path.read_bytes() if path.is_file() else b""
        whole = content[: content.rfind(b"\n") + 1]  # a killed run may leave an incomplete row
        self.rows = parse(path, whole) if whole else Rows()
        if not whole or whole != content:
            write_manifest(path, self.rows)

    def append(self, rows: list[Row]) -> None:
        """Append rows to the file. When this returns, they have been handed to the operating system."""
        added = Rows(rows)
        with self._path.open("ab") as file:
            file.write(added.text)
        self.rows.extend(added)
