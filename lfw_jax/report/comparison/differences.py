"""Paired differences as text: with sign and unit, their intervals and p-values."""

from lfw_jax.evaluation.comparison.results import PairedDifference


def difference(one: PairedDifference) -> str:
    """Return a difference with its sign: of accuracies in percentage points, of areas as a number."""
    return f"{_signed(one.difference, one)}{_unit(one)}"


def difference_interval(one: PairedDifference) -> str:
    """Return the interval of a difference, in the unit of the difference."""
    low, high = one.interval
    return f"{_signed(low, one)} to {_signed(high, one)}{_unit(one)}"


def p_value(value: float) -> str:
    """Return a p-value with two significant digits, or its bound below 0.001."""
    return "<\u00a00.001" if value < 0.001 else f"{value:.3f}" if value < 0.1 else f"{value:.2f}"


def _signed(value: float, one: PairedDifference) -> str:
    text = f"{value:+.4f}" if one.measure == "auc" else f"{100 * value:+.1f}"
    return text.replace("-", "−")


def _unit(one: PairedDifference) -> str:
    return "" if one.measure == "auc" else " points"
