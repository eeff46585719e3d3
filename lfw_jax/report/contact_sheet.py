"""Contact sheets: images in a grid at their original size, with captions below."""

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
_LINE = 1.35  # height of a line of text, relative to the font size
_NARROWEST_CAPTION = 64  # in pixels; a narrower caption would be "…" only
_NARROWEST_TITLE = 240


def contact_sheet(
    images: Sequence[UInt8[np.ndarray, "h w 3"]],
    captions: Sequence[str] | None = None,
    *,
    columns: int,
    title: str = "",
) -> UInt8[np.ndarray, "H W 3"]:
    """Arrange images in a grid at their original size.

    An image smaller than its cell is centred.

    Args:
      images: RGB images, possibly of different sizes.
      captions: one caption per image, or None. Captions that are too long are shortened with "…"; characters that the font does
        not have appear as boxes.
      columns: images per row.
      title: a title above the images, which may be several lines long.

    Returns:
      `[H, W, 3]`, the pixels of the sheet.

    Raises:
      ValueError: an image is not RGB of type uint8, the number of captions is not that of the images, or `columns` is below 1.
    """
    pictures = [np.asarray(image) for image in images]
    for picture in pictures:
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[-1] != 3 or not picture.size:
            raise ValueError(f"contact sheet: expected uint8 [height, width, 3], found {picture.dtype} {picture.shape}")
    if captions is not None and len(captions) != len(pictures):
        raise ValueError(f"contact sheet: found {len(captions)} captions, expected {len(pictures)}, one per image")
    if columns < 1:
        raise ValueError(f"contact sheet: found {columns} columns, expected 1 or more")
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
        draw.text((_GAP, top), "No images.", INK, _font(_CAPTION_SIZE))
    for index, picture in enumerate(pictures):
        left, upper = _GAP + index % columns * (cell + _GAP), top + index // columns * row
        inset = ((cell - picture.shape[1]) // 2, (picture_height - picture.shape[0]) // 2)
        sheet.paste(Image.fromarray(picture), (left + inset[0], upper + inset[1]))
        if captions is not None:
            caption = _shortened(_one_line(captions[index]), _font(_CAPTION_SIZE), cell)
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
    """Write a contact sheet as a PNG file, atomically.

    Args:
      path: the file; its folder is created if it is missing.
      images: RGB images, possibly of different sizes.
      captions: one caption per image, or None.
      columns: images per row.
      title: a title above the images.

    Raises:
      OSError: the file cannot be written.
    """
    path = Path(path)
    sheet = Image.fromarray(contact_sheet(images, captions, columns=columns, title=title))
    path.parent.mkdir(parents=True, exist_ok=True)
    with replaced_atomically(path) as unfinished:
        sheet.save(unfinished, format="PNG")


@cache
def _font(size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    """Return DejaVu Sans, which matplotlib contains, so that sheets are the same on all machines."""
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name, size)


def _one_line(text: str) -> str:
    """Return a text as one line, without control characters and lone surrogates."""
    spaced = "".join(" " if unicodedata.category(letter) in ("Cc", "Zl", "Zp") else letter for letter in text)
    return " ".join(spaced.encode("utf-8", "replace").decode("utf-8").split())


def _shortened(text: str, font: ImageFont.FreeTypeFont, width: int) -> str:
    """Return the text, or its longest beginning that fits, followed by "…"."""
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
    """Break a text into lines between words; words that are too long for a line are shortened."""
    lines: list[str] = []
    for word in _one_line(text).split():
        if lines and font.getlength(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(_shortened(word, font, width))
    return lines
