"""Plots of a data set: images per identity, sizes of images, and inputs of the network."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from jaxtyping import Int, UInt8
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from PIL import Image

from lfw_jax.report.contact_sheet import contact_sheet
from lfw_jax.report.inspection.values import range_of
from lfw_jax.report.style import DIFFERENT_COLOUR, INK, MUTED, SAME_COLOUR, STYLE, new_figure

_PERCENT = FuncFormatter(lambda share, _: f"{100 * share:g} %")
_LOG_FROM = 50  # up to this ratio of bars a linear axis shows the smallest one; beyond, the axis is logarithmic
_QUALITY = 85
_EXAMPLES = 16


def images_per_identity(histogram: Sequence[Mapping[str, int]], counts: Int[np.ndarray, "identities"]) -> Figure:
    """Plot the histogram of images per identity, and the concentration of images.

    The latter is the share of all images that belongs to the identities with the most images.

    Args:
      histogram: bins with `from`, `to` and `identities`.
      counts: `[identities]`, the number of images of each identity.

    Returns:
      The figure.
    """
    identities = np.array([row["identities"] for row in histogram])
    with matplotlib.rc_context(STYLE):
        figure = new_figure(8.0, 3.6)
        left, right = figure.subplots(1, 2, width_ratios=(3, 2))
        positions = np.arange(len(identities))
        bars = left.bar(positions, identities, color=SAME_COLOUR, width=0.8)
        left.bar_label(bars, [f"{count:,}" if count else "" for count in identities], fontsize=8, color=INK, padding=2)
        if identities.max() > _LOG_FROM * max(1, identities[identities > 0].min()):
            left.set_yscale("log")
            left.set_ylim(0.7, 3 * identities.max())
        else:
            left.set_ylim(0, 1.15 * identities.max())
            left.yaxis.set_major_locator(MaxNLocator(integer=True))
        left.yaxis.set_major_formatter(FuncFormatter(lambda count, _: f"{count:,.0f}"))
        left.grid(False, axis="x")
        left.set_xticks(
            positions, [range_of(row) for row in histogram], rotation=35 if len(identities) > 6 else 0, fontsize=9
        )
        left.set(xlabel="images per identity", ylabel="identities", title="Images per identity")
        owned = np.concatenate([[0], np.cumsum(np.sort(counts)[::-1])]) / counts.sum()
        share = np.linspace(0, 1, len(owned))
        kept = np.unique(np.linspace(0, len(owned) - 1, 400).astype(int))  # more points would not be visible
        right.plot([0, 1], [0, 1], color=MUTED, linestyle="--", linewidth=1.0)
        right.plot(share[kept], owned[kept], color=DIFFERENT_COLOUR)
        right.set(
            xlim=(0, 1), ylim=(0, 1.02), xlabel="identities, by falling number of images", ylabel="share of all images"
        )
        right.xaxis.set_major_formatter(_PERCENT)
        right.yaxis.set_major_formatter(_PERCENT)
        right.set_title("Concentration of images")
    return figure


def image_sides(shorter: Int[np.ndarray, "images"], needed: int) -> Figure:
    """Plot the distribution of the shorter sides of the images.

    Args:
      shorter: `[images]`, the shorter side of each image in pixels.
      needed: the smallest side that need not be enlarged for the network.

    Returns:
      The figure.
    """
    low, high = max(1, int(shorter.min())), max(int(shorter.max()), 2)
    edges = np.unique(np.geomspace(low, high + 1, 40).round())
    with matplotlib.rc_context(STYLE):
        figure = new_figure(8.0, 2.8)
        axes = figure.add_subplot()
        axes.stairs(np.histogram(shorter, edges)[0], edges, fill=True, facecolor=SAME_COLOUR, edgecolor="white")
        axes.axvline(
            needed, color=INK, linestyle="--", linewidth=1.5, label=f"{needed} pixels: smaller images are enlarged"
        )
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda side, _: f"{side:g}"))
        axes.xaxis.set_minor_formatter(FuncFormatter(lambda side, _: f"{side:g}" if f"{side:g}"[0] in "25" else ""))
        axes.set(xlabel="shorter side (pixels)", ylabel="images")
        axes.set_title("Sizes of the images", pad=26)
        axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 1.0), borderaxespad=0.2)
    return figure


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
