"""Galleries of pairs of pictures in a page, which wrap on a phone."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class PicturePair:
    """A pair of pictures.

    Attributes:
      first: the content of a JPEG file.
      second: the content of another one.
      caption: the text below both.
      names: the names of both pictures, for readers who do not see them.
    """

    first: bytes
    second: bytes
    caption: str
    names: tuple[str, str]


@dataclass(frozen=True)
class Gallery:
    """Pairs of pictures, each above its caption.

    Attributes:
      pairs: the pairs, in order.
    """

    pairs: Sequence[PicturePair]


def rendered_gallery(gallery: Gallery) -> list[dict[str, object]]:
    """Return what the template needs of a gallery.

    Args:
      gallery: the gallery.
    """
    return [
        {
            "caption": pair.caption,
            "pictures": [
                {"source": f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode('ascii')}", "name": name}
                for jpeg, name in zip((pair.first, pair.second), pair.names, strict=True)
            ],
        }
        for pair in gallery.pairs
    ]
