"""Tags of the first directory of a TIFF structure, which TIFF files and EXIF blocks have in common."""

import struct
from collections.abc import Collection

WIDTH, HEIGHT, ORIENTATION = 0x0100, 0x0101, 0x0112
"""Tags of TIFF 6.0."""

_EXIF = b"Exif\0\0"
_LONG = 4  # a type of values; all others that are read here are shorts


def read_tags(data: bytes, wanted: Collection[int]) -> dict[int, int]:
    """Return the values of the wanted tags of a TIFF structure, as far as it has them.

    Damage is not reported: the tags before it are returned.

    Args:
      data: the structure, from its byte order on.
      wanted: the tags, whose values are single shorts or longs.
    """
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    found: dict[int, int] = {}
    if order is None:
        return found
    try:
        (directory,) = struct.unpack_from(f"{order}I", data, 4)
        (entries,) = struct.unpack_from(f"{order}H", data, directory)
        for entry in range(entries):
            position = directory + 2 + 12 * entry
            tag, kind = struct.unpack_from(f"{order}HH", data, position)
            if tag in wanted and tag not in found:
                (found[tag],) = struct.unpack_from(order + ("I" if kind == _LONG else "H"), data, position + 8)
                if len(found) == len(wanted):
                    break
    except struct.error:  # it points outside the data
        pass
    return found


def exif_orientation(exif: bytes) -> int:
    """Return the orientation that an EXIF block states, 1 (upright) to 8; 1 if it states none.

    Args:
      exif: the block, with or without "Exif" before the TIFF structure; empty for none.
    """
    value = read_tags(exif.removeprefix(_EXIF), (ORIENTATION,)).get(ORIENTATION, 1)
    return value if 1 <= value <= 8 else 1
