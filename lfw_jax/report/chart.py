"""Charts as data: drawn by a page as interactive SVG, and offered as CSV."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Role = Literal["same", "different", "neutral", "muted", "first", "second", "third", "fourth"]
"""The meaning of a series, which determines its colour and line style: same and different pairs, or one of several runs."""

Scale = Literal["linear", "log", "normal"]
"""Scale of an axis: linear, logarithmic, or normal deviates (the axes of a DET curve)."""


@dataclass(frozen=True)
class Series:
    """One curve, one group of bars or one set of points.

    Attributes:
      name: its name in the legend and in the CSV.
      x: the abscissas; for bars the left edges, followed by the right edge of the last bar, so one more than `y`.
      y: the ordinates.
      kind: how it is drawn.
      role: its meaning.
      low: lower ends of the intervals of `y`; None for no intervals.
      high: upper ends of the intervals of `y`.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    kind: Literal["line", "bars", "points"] = "line"
    role: Role = "neutral"
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None

    def __post_init__(self):
        if len(self.x) != len(self.y) + (self.kind == "bars"):
            raise ValueError(f"{self.name}: found {len(self.x)} abscissas and {len(self.y)} ordinates of {self.kind}")
        for ends in (self.low, self.high):
            if ends is not None and len(ends) != len(self.y):
                raise ValueError(f"{self.name}: found {len(ends)} ends of intervals, expected {len(self.y)}")


Follows = Literal["", "threshold", "fmr-tmr", "fmr-fnmr"]
"""Marker that the threshold slider of a page moves: none, a vertical line, the point of a ROC curve or of a DET curve."""


@dataclass(frozen=True)
class Axis:
    """An axis of a chart.

    Attributes:
      label: its label, with the unit.
      scale: its scale.
      limits: the smallest and the largest shown value; None for those of the data.
      percent: true if values are shares in [0, 1] that are shown in percent.
      names: names of the bars, shown in place of ticks at 0.5, 1.5, …; empty for numbers.
    """

    label: str
    scale: Scale = "linear"
    limits: tuple[float, float] | None = None
    percent: bool = False
    names: Sequence[str] = ()


@dataclass(frozen=True)
class Chart:
    """A chart.

    Attributes:
      title: the title, one line.
      x: the horizontal axis.
      y: the vertical axis.
      series: the content, drawn in this order.
      verticals: labelled vertical lines, such as thresholds, as (label, abscissa).
      diagonal: true for a line of chance from the lower left to the upper right corner.
      key: name by which scripts and file names refer to the chart, such as "roc"; lower case, digits and hyphens.
      follows: the marker that the threshold slider of the page moves in this chart.
      shape: "wide" takes the width of the page, "square" half of it; "auto" is square for a diagonal or two normal scales.
    """

    title: str
    x: Axis
    y: Axis
    series: Sequence[Series]
    verticals: Sequence[tuple[str, float]] = ()
    diagonal: bool = False
    key: str = ""
    follows: Follows = ""
    shape: Literal["auto", "wide", "square"] = "auto"

    @property
    def is_square(self) -> bool:
        """True if the chart is drawn in a square."""
        if self.shape == "auto":
            return self.diagonal or (self.x.scale == self.y.scale == "normal")
        return self.shape == "square"
