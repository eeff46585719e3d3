"""Scales of the axes of a chart: limits, positions of values, and ticks."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

from lfw_jax.report.chart import Axis, Chart

_SMALLEST_SHARE = 1e-6  # the ends of a scale of normal deviates are at infinity
_MARGIN = 0.04  # between the extreme values and the ends of a linear axis, as a share of their range
_NORMAL = NormalDist()
_NORMAL_TICKS = (
    1e-6,
    1e-5,
    1e-4,
    0.001,
    0.01,
    0.02,
    0.05,
    0.1,
    0.2,
    0.4,
    0.6,
    0.8,
    0.9,
    0.95,
    0.98,
    0.99,
    0.999,
    0.9999,
)


@dataclass(frozen=True)
class Scale:
    """An axis with its limits.

    Attributes:
      axis: the axis.
      low: the smallest shown value.
      high: the largest shown value, above `low`.
    """

    axis: Axis
    low: float
    high: float

    def position(self, value: float) -> float:
        """Return the position of a value: 0 at the lower limit and 1 at the upper one.

        Values without a position, such as 0 on a logarithmic scale, are at the limit.
        """
        low, high = self._transformed(self.low), self._transformed(self.high)
        return (self._transformed(value) - low) / (high - low)

    def ticks(self, most: int) -> list[float]:
        """Return the values of ticks within the limits.

        Args:
          most: the desired number of ticks, of which a linear scale has about as many and the others at most as many.
        """
        if self.axis.scale == "normal":
            return [tick for tick in _NORMAL_TICKS if self.low <= tick <= self.high]
        if self.axis.scale == "log":
            return _log_ticks(self.low, self.high, most)
        return _linear_ticks(self.low, self.high, most)

    def values_at_equal_steps(self, steps: int) -> list[float]:
        """Return the values at the positions 0, 1/steps, …, 1 of a scale of normal deviates."""
        low, high = self._transformed(self.low), self._transformed(self.high)
        return [_NORMAL.cdf(low + (high - low) * step / steps) for step in range(steps + 1)]

    def text(self, value: float) -> str:
        """Return a value as the text of a tick."""
        if self.axis.percent:
            return f"{100 * value:.6g} %"
        return f"{value:,.0f}" if abs(value) >= 1000 and value == round(value) else f"{value:.6g}"

    def _transformed(self, value: float) -> float:
        if self.axis.scale == "log":
            return math.log10(value if value > 0 else self.low)
        if self.axis.scale == "normal":
            return _NORMAL.inv_cdf(min(max(value, self.low), self.high)) if value == value else math.nan
        return value


def horizontal_scale(chart: Chart) -> Scale:
    """Return the scale of the abscissas, on which all series and vertical lines of a chart fit."""
    values = [float(value) for series in chart.series for value in series.x]
    values += [value for _, value in chart.verticals]
    return _scale(chart.x, values, margin=0.0 if any(series.kind != "points" for series in chart.series) else _MARGIN)


def vertical_scale(chart: Chart) -> Scale:
    """Return the scale of the ordinates, on which all series fit with their intervals; bars begin at 0."""
    values: list[float] = []
    for series in chart.series:
        for ordinates in (series.y, series.low, series.high):
            values += [] if ordinates is None else list(ordinates)
    has_bars = any(series.kind == "bars" for series in chart.series)
    return _scale(chart.y, [*values, 0.0] if has_bars else values, margin=_MARGIN, from_zero=has_bars)


def _scale(axis: Axis, values: Iterable[float], *, margin: float, from_zero: bool = False) -> Scale:
    finite = [float(value) for value in values if math.isfinite(value)]
    if axis.limits is not None:
        low, high = map(float, axis.limits)
    elif axis.scale == "log":
        positive = [value for value in finite if value > 0] or [1.0]
        low, high = min(positive), max(positive)
        if from_zero:  # the shortest bar must be visible
            low, high = low / 1.5, high * 1.5
    elif axis.scale == "normal":
        inner = [value for value in finite if 0 < value < 1] or [0.01, 0.5]
        low, high = min(inner), max(inner)
    else:
        low, high = min(finite, default=0.0), max(finite, default=1.0)
        room = margin * (high - low)
        is_share = axis.percent and low >= 0 and high <= 1
        low, high = (low if from_zero and low >= 0 else low - room), high + room
        if is_share:
            low, high = max(low, 0.0), min(high, 1.0)
    if axis.scale == "normal":
        low, high = max(low, _SMALLEST_SHARE), min(high, 1 - _SMALLEST_SHARE)
    if not low < high:
        low, high = _widened(axis, low)
    return Scale(axis, low, high)


def _widened(axis: Axis, value: float) -> tuple[float, float]:
    if axis.scale == "linear":
        room = 0.1 * abs(value) or 0.5
        return value - room, value + room
    if axis.scale == "log":
        return value / 2, value * 2
    return max(value / 2, _SMALLEST_SHARE), (1 + value) / 2


def _linear_ticks(low: float, high: float, most: int) -> list[float]:
    rough = (high - low) / max(most, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{index * step:.12g}") for index in range(first, last + 1)]


def _log_ticks(low: float, high: float, most: int) -> list[float]:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for factors in ((1, 2, 5), (1, 3), (1,)):
        ticks = _within(low, high, [factor * 10.0**power for power in range(first, last + 1) for factor in factors])
        if len(ticks) <= most:
            break
    if len(ticks) > most:
        ticks = ticks[:: -(-len(ticks) // most)]
    return ticks if len(ticks) > 1 else _linear_ticks(low, high, most)


def _within(low: float, high: float, values: Sequence[float]) -> list[float]:
    return [float(f"{value:.12g}") for value in values if low * (1 - 1e-9) <= value <= high * (1 + 1e-9)]
