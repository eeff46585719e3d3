"""Contact sheets of faces in rows, some of them framed, on a bounded number of pages."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from matplotlib.colors import to_rgb

from lfw_jax.report.contact_sheet import write_contact_sheet
from lfw_jax.report.style import SAME_COLOUR

Picture = UInt8[np.ndarray, "side side 3"]

_FRAME = 5  # pixels


def framed(picture: Picture, colour: str = SAME_COLOUR) -> Picture:
    """Return a picture with a frame inside its edges.

    Args:
      picture: the picture.
      colour: a colour of matplotlib.
    """
    result = np.array(picture)
    inner = result[_FRAME:-_FRAME, _FRAME:-_FRAME].copy()
    result[:] = np.round(255 * np.array(to_rgb(colour))).astype(np.uint8)
    result[_FRAME:-_FRAME, _FRAME:-_FRAME] = inner
    return result


def write_rows(path: Path, rows: Sequence[Sequence[tuple[Picture, str]]], *, columns: int, title: str = "") -> None:
    """Write a contact sheet whose rows begin on the left, whatever their lengths.

    Args:
      path: the PNG file.
      rows: the pictures of each row with their captions; at least one picture, at most `columns` in a row.
      columns: pictures per row.
      title: a title above the pictures.
    """
    empty = np.full_like(rows[0][0][0], 255)
    cells = [cell for row in rows for cell in [*row, *([(empty, "")] * (columns - len(row)))]]
    pictures, captions = zip(*cells, strict=True)
    write_contact_sheet(path, pictures, captions, columns=columns, title=title)
