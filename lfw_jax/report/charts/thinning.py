"""Thinning of long series, so that a page stays small."""

from collections.abc import Sequence
from dataclasses import replace

from lfw_jax.report.chart import Series

MOST_POINTS = 4000
"""The largest number of points of a series in a page; longer series are thinned."""


def thinned(series: Series, most: int = MOST_POINTS) -> Series:
    """Return a series with at most the given number of points, evenly spread.

    The first and the last point are kept. Bars are never thinned.

    Args:
      series: the series.
      most: the largest number of points, at least 2.
    """
    count = len(series.y)
    if series.kind == "bars" or count <= most:
        return series
    kept = [round(index * (count - 1) / (most - 1)) for index in range(most)]

    def take(values: Sequence[float] | None) -> list[float] | None:
        return None if values is None else [values[index] for index in kept]

    return replace(
        series,
        x=[series.x[index] for index in kept],
        y=[series.y[index] for index in kept],
        low=take(series.low),
        high=take(series.high),
    )
