"""Contact sheets: many small pictures in a grid, pixel for pixel, each over its caption."""

import unicodedata
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

from lfw_jax.atomic_files import replaced_atomically
from lfw_jax.report.style import INK

_GAP = 6
_CAPTION_SIZE, _TITLE_SIZE = 11, 14
_LINE = 1.35  # height of a line of text, in its font size
_NARROWEST_CAPTION = 64  # pixels: below that a caption would be three dots
_NARROWEST_TITLE = 240


def contact_sheet(
    images: Sequence[UInt8[np.ndarray, "h w 3"]],
    captions: Sequence[str] | None = None,
    *,
    columns: int,
    title: str = "",
) -> UInt8[np.ndarray, "H W 3"]:
    """Lay pictures out in rows, at their own size; a smaller one stands in the middle of its cell.

    Args:
      images: RGB pictures, of one size or of several.
      captions: one a picture, or None. What does not fit its cell is cut short with "…"; letters that the font lacks
        show as boxes.
      columns: pictures a row.
      title: a line or more above the pictures.

    Raises:
      ValueError: what is no RGB picture of uint8, another number of captions, or no column.
    """
    pictures = [np.asarray(image) for image in images]
    for picture in pictures:
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[-1] != 3 or not picture.size:
            raise ValueError(f"contact sheet: expected uint8 [height, width, 3], found {picture.dtype} {picture.shape}")
    if captions is not None and len(captions) != len(pictures):
        raise ValueError(f"contact sheet: {len(pictures)} images, {len(captions)} captions")
    if columns < 1:
        raise ValueError(f"contact sheet: {columns} columns, expected 1 or more")
    columns = min(columns, max(1, len(pictures)))
    rows = -(-len(pictures) // columns)
    text = round(_LINE * _CAPTION_SIZE) if captions is not None else 0
    picture_width = max((picture.shape[1] for picture in pictures), default=0)
    picture_height = max((picture.shape[0] for picture in pictures), default=0)
    cell = max(picture_width, _NARROWEST_CAPTION if captions is not None else 0)
    row = picture_height + text + _GAP
    width = max(_GAP + columns * (cell + _GAP), _NARROWEST_TITLE if title or not pictures else 0)
    head = _wrapped(title, _font(_TITLE_SIZE, bold=True), width - 2 * _GAP)
    top = _GAP + (round(_LINE * _TITLE_SIZE) * len(head) + _GAP if head else 0)
    height = top + rows * row if pictures else top + round(_LINE * _CAPTION_SIZE) + _GAP

    sheet = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(sheet)
    for number, line in enumerate(head):
        draw.text((_GAP, _GAP + number * round(_LINE * _TITLE_SIZE)), line, INK, _font(_TITLE_SIZE, bold=True))
    if not pictures:
        draw.text((_GAP, top), "No pictures.", INK, _font(_CAPTION_SIZE))
    for place, picture in enumerate(pictures):
        left, upper = _GAP + place % columns * (cell + _GAP), top + place // columns * row
        inset = ((cell - picture.shape[1]) // 2, (picture_height - picture.shape[0]) // 2)
        sheet.paste(Image.fromarray(picture), (left + inset[0], upper + inset[1]))
        if captions is not None:
            caption = _shortened(_one_line(captions[place]), _font(_CAPTION_SIZE), cell)
            draw.text((left, upper + picture_height + 1), caption, INK, _font(_CAPTION_SIZE))
    return np.asarray(sheet)


def write_contact_sheet(
    path: str | Path,
    images: Sequence[UInt8[np.ndarray, "h w 3"]],
    captions: Sequence[str] | None = None,
    *,
    columns: int,
    title: str = "",
) -> None:
    """Write `contact_sheet(…)` as a PNG file, whole or not at all; its folder is made if missing. Raises OSError."""
    path = Path(path)
    sheet = Image.fromarray(contact_sheet(images, captions, columns=columns, title=title))
    path.parent.mkdir(parents=True, exist_ok=True)
    with replaced_atomically(path) as unfinished:
        sheet.save(unfinished, format="PNG")


@cache
def _font(size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which comes with matplotlib: the same letters on every machine."""
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name, size)


def _one_line(text: str) -> str:
    """The text in one line of what can be drawn: no control characters, no half of a surrogate pair."""
    spaced = "".join(" " if unicodedata.category(letter) in ("Cc", "Zl", "Zp") else letter for letter in text)
    return " ".join(spaced.encode("utf-8", "replace").decode("utf-8").split())


def _shortened(text: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    """The longest beginning that fits, with "…" where something is missing."""
    if font.getlength(text) <= width:
        return text
    fits, too_long = 0, len(text)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if font.getlength(text[:middle].rstrip() + "…") <= width:
            fits = middle
        else:
            too_long = middle
    return text[:fits].rstrip() + "…"


def _wrapped(text: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    """The lines of a text, broken between words; a word that is too long for a line is cut short."""
    lines: list[str] = []
    for word in _one_line(text).split():
        if lines and font.getlength(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(_shortened(word, font, width))
    return lines
