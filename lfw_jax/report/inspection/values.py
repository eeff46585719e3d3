"""The values of facts in words: counts, sizes, ranges, pairs and bars."""

from collections.abc import Mapping, Sequence
from typing import Any

_MODES = {"RGB": "colour (RGB)", "L": "grey (L)", "RGBA": "colour with transparency (RGBA)", "P": "palette (P)"}
_UNITS = ("bytes", "KB", "MB", "GB", "TB")


def range_of(row: Mapping[str, int]) -> str:
    """Return the range of a bin of images per identity: "1", "5–9"."""
    return f"{row['from']}" if row["from"] == row["to"] else f"{row['from']}–{row['to']}"


def size_in_words(count: int) -> str:
    """Return a number of bytes in the largest unit of which it has at least one.

    Example:
      >>> size_in_words(1500)
      '1.5 KB'
    """
    value, unit = float(count), 0
    while value >= 1000 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{count} bytes" if unit == 0 else f"{value:,.1f} {_UNITS[unit]}"


def pair_in_words(pair: Mapping[str, Any]) -> str:
    """Describe a pair of duplicates: their names, their parts if known, and their distance."""
    names = [
        f"{image} ({part})" if part and part != "none" else image
        for image, part in zip(pair["images"], pair["parts"] or ("", ""), strict=True)
    ]
    alike = "identical files" if pair["same_bytes"] else f"{pair['distance']} of 256 hash bits differ"
    return f"{names[0]} = {names[1]}: {alike}"


def counts_in_words(counts: Mapping[str, int]) -> str:
    """Return counts by name, such as "JPEG 1,200, PNG 4"; modes of Pillow are explained."""
    return ", ".join(f"{_MODES.get(name, name)} {count:,}" for name, count in counts.items())


def identity_count(count: int) -> str:
    """Return a number of identities in words, such as "1 identity"."""
    return "1 identity" if count == 1 else f"{count:,} identities"


def image_count(count: int) -> str:
    """Return a number of images in words, such as "2 images"."""
    return "1 image" if count == 1 else f"{count:,} images"


def pair_count(count: int) -> str:
    """Return a number of pairs in words, such as "none" or "1 pair"."""
    return "none" if not count else f"{count:,} pair{'s' * (count != 1)}"


def bars(histogram: Sequence[Mapping[str, int]], width: int) -> list[tuple[str, str, str]]:
    """Return text bars of the numbers of identities by images per identity.

    Args:
      histogram: bins with `from`, `to`, `identities` and `images`.
      width: the length of the longest bar in characters.

    Returns:
      For each bin its range, its bar, and its counts in words.
    """
    most = max((row["identities"] for row in histogram), default=1)
    lines = []
    for row in histogram:
        eighths = round(8 * width * row["identities"] / most)
        bar = "█" * (eighths // 8) + ("▏▎▍▌▋▊▉"[eighths % 8 - 1] if eighths % 8 else "")
        counts = f"{identity_count(row['identities'])}, {image_count(row['images'])}"
        lines.append((range_of(row), bar or "▏" * bool(row["identities"]), counts))
    return lines
