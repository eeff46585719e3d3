"""Figures of a data set: how many images people have, how large images are, what the network sees of them."""

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
from lfw_jax.report.inspection.facts import range_of
from lfw_jax.report.style import DIFFERENT_COLOUR, INK, MUTED, SAME_COLOUR, STYLE, new_figure

_PERCENT = FuncFormatter(lambda share, _: f"{100 * share:g} %")
_LOG_FROM = 50  # a bar of one person among fifty is still seen; beyond, the axis is logarithmic
_QUALITY = 85
_EXAMPLES = 16


def images_per_person(histogram: Sequence[Mapping[str, int]], counts: Int[np.ndarray, "people"]) -> Figure:
    """Draw how many people have how many images, and which share of the images the people with most own.

    Args:
      histogram: bins with `from`, `to` and `people`.
      counts: the images of each person.
    """
    people = np.array([row["people"] for row in histogram])
    with matplotlib.rc_context(STYLE):
        figure = new_figure(8.0, 3.6)
        left, right = figure.subplots(1, 2, width_ratios=(3, 2))
        places = np.arange(len(people))
        drawn = left.bar(places, people, color=SAME_COLOUR, width=0.8)
        left.bar_label(drawn, [f"{count:,}" if count else "" for count in people], fontsize=8, color=INK, padding=2)
        if people.max() > _LOG_FROM * max(1, people[people > 0].min()):
            left.set_yscale("log")
            left.set_ylim(0.7, 3 * people.max())
        else:
            left.set_ylim(0, 1.15 * people.max())
            left.yaxis.set_major_locator(MaxNLocator(integer=True))
        left.yaxis.set_major_formatter(FuncFormatter(lambda count, _: f"{count:,.0f}"))
        left.grid(False, axis="x")
        left.set_xticks(places, [range_of(row) for row in histogram], rotation=35 if len(people) > 6 else 0, fontsize=9)
        left.set(xlabel="images a person", ylabel="people", title="How many images people have")
        owned = np.concatenate([[0], np.cumsum(np.sort(counts)[::-1])]) / counts.sum()
        share = np.linspace(0, 1, len(owned))
        kept = np.unique(np.linspace(0, len(owned) - 1, 400).astype(int))  # more points than pixels draw nothing more
        right.plot([0, 1], [0, 1], color=MUTED, linestyle="--", linewidth=1.0)
        right.plot(share[kept], owned[kept], color=DIFFERENT_COLOUR)
        right.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="people, those with most images first", ylabel="of all images")
        right.xaxis.set_major_formatter(_PERCENT)
        right.yaxis.set_major_formatter(_PERCENT)
        right.set_title("Who owns the images")
    return figure


def image_sides(shorter: Int[np.ndarray, "images"], needed: int) -> Figure:
    """Draw the shorter sides of the images, in pixels.

    Args:
      shorter: of each image.
      needed: the side from which on the network's square shows no enlarged pixel.
    """
    low, high = max(1, int(shorter.min())), max(int(shorter.max()), 2)
    edges = np.unique(np.geomspace(low, high + 1, 40).round())
    with matplotlib.rc_context(STYLE):
        figure = new_figure(8.0, 2.8)
        axes = figure.add_subplot()
        axes.stairs(np.histogram(shorter, edges)[0], edges, fill=True, facecolor=SAME_COLOUR, edgecolor="white")
        axes.axvline(needed, color=INK, linestyle="--", linewidth=1.5, label=f"{needed} pixels: enlarged below")
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda side, _: f"{side:g}"))
        axes.xaxis.set_minor_formatter(FuncFormatter(lambda side, _: f"{side:g}" if f"{side:g}"[0] in "25" else ""))
        axes.set(xlabel="shorter side, pixels", ylabel="images")
        axes.set_title("How large the images are", pad=26)
        axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 1.0), borderaxespad=0.2)
    return figure


def crop_sheet(pictures: Sequence[UInt8[np.ndarray, "side side 3"]]) -> bytes:
    """A sheet of what the network sees: the mean of all pictures, then some of them, as a JPEG file.

    Aligned faces have a mean with eyes, nose and mouth; unaligned ones a blur.
    """
    mean = np.mean(pictures, axis=0, dtype=np.float64).round().astype(np.uint8)
    shown = [mean, *pictures[:_EXAMPLES]]
    return _jpeg(contact_sheet(shown, ["mean", *[""] * (len(shown) - 1)], columns=9))


def pair_sheet(
    first: Sequence[UInt8[np.ndarray, "side side 3"]], second: Sequence[UInt8[np.ndarray, "side side 3"]]
) -> bytes:
    """Pairs of pictures side by side, four pairs a row, numbered from 1, as a JPEG file.

    Numbers rather than names: a table beside it can write a name in any script.
    """
    joined = [np.concatenate([a, np.full_like(a[:, :2], 255), b], axis=1) for a, b in zip(first, second, strict=True)]
    return _jpeg(contact_sheet(joined, [str(number + 1) for number in range(len(joined))], columns=4))


def _jpeg(pixels: UInt8[np.ndarray, "height width 3"]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()


def needed_side(plan: Mapping[str, Any]) -> int:
    """The shorter side from which on an image shows the network no enlarged pixel."""
    return int(np.ceil(plan["side"] / plan["crop"]))
