"""The style of all plots, and their conversion to pixels, PNG and SVG, without pyplot."""

import io
from typing import Any, Literal

import matplotlib
import numpy as np
from jaxtyping import UInt8
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

# Two colours of the palette of Okabe and Ito, which colour-blind readers can distinguish; in grey, one is dark, the other light.
SAME_COLOUR = "#0072B2"
DIFFERENT_COLOUR = "#E69F00"
INK = "#1f2933"
MUTED = "#7b8794"

# Any, because the keys that a type checker knows depend on the version of matplotlib.
STYLE: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": MUTED,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.labelsize": 10,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "figure.dpi": 120,
    "figure.facecolor": "white",
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "grid.color": "#e4e7eb",
    "grid.linewidth": 0.8,
    "hatch.linewidth": 0.6,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "savefig.facecolor": "white",
    "svg.hashsalt": "lfw_jax",
    "text.color": INK,
    # Labels contain names of identities and files, in which a dollar sign is literal.
    "text.parse_math": False,
    "xtick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.color": MUTED,
    "ytick.labelcolor": INK,
}


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure for the Agg renderer. Call this inside `matplotlib.rc_context(STYLE)`.

    Args:
      width: the width in inches.
      height: the height in inches.
    """
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def figure_pixels(figure: Figure) -> UInt8[np.ndarray, "height width 3"]:
    """Return the RGB pixels of a figure at its own resolution."""
    canvas = FigureCanvasAgg(figure)
    with matplotlib.rc_context(STYLE):
        canvas.draw()
    return np.asarray(canvas.buffer_rgba())[:, :, :3].copy()


def figure_png(figure: Figure, dpi: int = 150) -> bytes:
    """Return a figure as the content of a PNG file."""
    return _saved(figure, "png", {"Software": None}, dpi=dpi)


def figure_svg(figure: Figure) -> bytes:
    """Return a figure as the content of an SVG file, with text as outlines. The result is deterministic."""
    return _saved(figure, "svg", {"Date": None, "Creator": None})


def _saved(figure: Figure, kind: str, metadata: dict[str, None], dpi: float | Literal["figure"] = "figure") -> bytes:
    buffer = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        figure.savefig(buffer, format=kind, metadata=metadata, dpi=dpi)
    return buffer.getvalue()
