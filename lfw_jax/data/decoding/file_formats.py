"""Formats of image files, recognised by their first bytes and never by their names."""

import PIL
from PIL import features

_ALWAYS = ("JPEG", "PNG", "BMP", "GIF", "PPM", "TIFF")
_OPTIONAL = {"WEBP": "webp", "AVIF": "avif"}  # by Pillow's name of the library: AVIF from Pillow 11.3

FORMATS = (
    *_ALWAYS,
    *(name for name, library in _OPTIONAL.items() if library in features.modules and features.check(library)),
)
"""The supported formats, by Pillow's names: "PPM" stands for PBM, PGM and PPM. WebP and AVIF need a Pillow built with them."""

_SIGNATURES = {
    b"\xff\xd8": "JPEG", b"\x89PNG\r\n\x1a\n": "PNG", b"BM": "BMP", b"GIF87a": "GIF", b"GIF89a": "GIF",
    b"II*\0": "TIFF", b"MM\0*": "TIFF", b"II+\0": "BigTIFF", b"MM\0+": "BigTIFF",
    b"\0\0\0\x0cjP": "JPEG 2000", b"%PDF": "PDF", b"PK\x03\x04": "ZIP",
    b"\0\0\0\x0cJXL ": "JPEG XL", b"\xff\x0a": "JPEG XL",
}  # fmt: skip
_BLANKS = b" \t\r\n\v\f"
_AVIF_BRANDS = (b"avif", b"avis")


def format_of(start: bytes) -> str | None:
    """Return the format that the first bytes of a file indicate, supported or not; None if unknown."""
    if start[4:8] == b"ftyp":
        size = min(int.from_bytes(start[:4], "big"), 256)
        brands = [start[8:12], *(start[place : place + 4] for place in range(16, size, 4))]
        return "AVIF" if any(brand in _AVIF_BRANDS for brand in brands) else "HEIF"
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "WEBP"
    if start[:1] == b"P" and start[1:2] in b"123456" and start[2:3] and start[2:3] in _BLANKS:
        return "PPM"
    return next((name for signature, name in _SIGNATURES.items() if start.startswith(signature)), None)


def unsupported(kind: str) -> str:
    """Return the reason why a file of a format that is not in `FORMATS` cannot be used.

    Args:
      kind: a result of `format_of`.
    """
    reason = f"{'an' if kind[0] in 'AH' else 'a'} {kind} file, expected {', '.join(FORMATS)}"
    if kind in _OPTIONAL:
        reason += f"; Pillow {PIL.__version__} is installed without {kind}, which Pillow 11.3 and newer read"
    return reason
