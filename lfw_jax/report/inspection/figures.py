"""Contact sheets of a data set: inputs of the network, and pairs of duplicates."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from lfw_jax.report.contact_sheet import contact_sheet

_QUALITY = 85
_EXAMPLES = 16


def crop_sheet(pictures: Sequence[UInt8[np.ndarray, "side side 3"]]) -> bytes:
    """Return a contact sheet of inputs of the network: their mean, then some of them.

    The mean of aligned faces shows eyes, nose and mouth; that of other images is a blur.

    Args:
      pictures: RGB images of one size.

    Returns:
      The content of a JPEG file.
    """
    mean = np.mean(pictures, axis=0, dtype=np.float64).round().astype(np.uint8)
    shown = [mean, *pictures[:_EXAMPLES]]
    return _jpeg(contact_sheet(shown, ["mean", *[""] * (len(shown) - 1)], columns=9))


def pair_sheet(
    first: Sequence[UInt8[np.ndarray, "side side 3"]], second: Sequence[UInt8[np.ndarray, "side side 3"]]
) -> bytes:
    """Return a contact sheet of pairs of images, numbered from 1, four pairs per row.

    Pairs have numbers rather than names, because the font does not have all scripts.

    Args:
      first: the first image of each pair.
      second: the second one.

    Returns:
      The content of a JPEG file.
    """
    joined = [np.concatenate([a, np.full_like(a[:, :2], 255), b], axis=1) for a, b in zip(first, second, strict=True)]
    return _jpeg(contact_sheet(joined, [str(number + 1) for number in range(len(joined))], columns=4))


def _jpeg(pixels: UInt8[np.ndarray, "height width 3"]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()


def needed_side(plan: Mapping[str, Any]) -> int:
    """Return the smallest shorter side in pixels that need not be enlarged for the network."""
    return int(np.ceil(plan["side"] / plan["crop"]))
