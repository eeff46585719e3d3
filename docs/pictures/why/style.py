"""The style of the pictures of docs/why.md: no background, and greys that are readable on a light and on a dark page."""

import io

from matplotlib.figure import Figure

from lfw_jax.report.style import STYLE

GREY = "#768390"  # contrast of about 4 to white and to GitHub's dark page
# Any, as STYLE is: the keys that a type checker knows depend on the version of matplotlib.
NEUTRAL = STYLE | {
    **dict.fromkeys(("text.color", "axes.labelcolor", "xtick.labelcolor", "ytick.labelcolor"), GREY),
    **dict.fromkeys(("figure.facecolor", "axes.facecolor", "savefig.facecolor"), "none"),
    "grid.alpha": 0.25,
    "grid.color": GREY,
    "svg.fonttype": "none",
}
# The palette of Okabe and Ito, without the colours that are too light or too dark for one of the two pages.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")


def svg(figure: Figure) -> bytes:
    """Return a figure as the content of a small SVG file: without background, and with text as text.

    The same figure gives the same file.
    """
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return buffer.getvalue().replace(b"'DejaVu Sans'", b"'DejaVu Sans', Verdana, sans-serif")
