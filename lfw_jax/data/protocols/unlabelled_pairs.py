"""Pairs of image files to be verified: two paths, or a CSV file of paths, without labels."""

import csv
import io
from pathlib import Path

from lfw_jax.data.formats.files import check_files
from lfw_jax.data.formats.text_lists import find_delimiter
from lfw_jax.data.protocols.list_format import malformed, read_text
from lfw_jax.errors import UserError

_EXPECTED = "two image files separated by a comma, or a .csv file with the columns path1 and path2"


def read_unlabelled_pairs(text: str, flag: str) -> list[tuple[Path, Path]]:
    """Return the pairs of files that a flag names.

    Args:
      text: two paths separated by a comma, or the path of a `.csv` file with the columns `path1` and `path2`, relative to its
        folder. Other columns are ignored.
      flag: the flag, for messages.

    Returns:
      The pairs, at least one.

    Raises:
      UserError: anything else, a line without two paths, or a file that is missing or not a readable image.
    """
    if text.lower().endswith(".csv"):
        pairs = _of_table(Path(text), flag)
    else:
        parts = [part.strip() for part in text.split(",")]
        if len(parts) != 2 or not all(parts):
            raise UserError(f"{flag} is '{text}'; expected {_EXPECTED}.")
        pairs = [(Path(parts[0]).expanduser(), Path(parts[1]).expanduser())]
    files = list(dict.fromkeys(path for pair in pairs for path in pair))
    if faulty := check_files(files)[1]:
        more = f", and {len(faulty) - 1} more" if len(faulty) > 1 else ""
        raise UserError(f"{flag}: {faulty[0].path} is {faulty[0].reason}{more}. Correct the path, or repair the file.")
    return pairs


def _of_table(path: Path, flag: str) -> list[tuple[Path, Path]]:
    if not path.is_file():
        raise UserError(f"{flag}: found no file {path}; expected {_EXPECTED}.")
    content = read_text(path)
    rows = csv.reader(io.StringIO(content), delimiter=find_delimiter(content.splitlines()[0], path.suffix))
    titles = [title.strip().lower() for title in next(rows, [])]
    if not {"path1", "path2"} <= set(titles):
        raise UserError(f"{path}: found the columns {', '.join(titles) or 'none'}; expected path1 and path2.")
    columns, pairs = (titles.index("path1"), titles.index("path2")), []
    for fields in rows:
        if not any(field.strip() for field in fields):
            continue
        cells = [fields[column].strip() if column < len(fields) else "" for column in columns]
        if not all(cells):
            raise malformed(path, (rows.line_num, ",".join(fields)), "two paths")
        pairs.append((path.parent / cells[0], path.parent / cells[1]))
    if not pairs:
        raise UserError(f"{path}: found no pair; expected at least one line below the titles.")
    return pairs
