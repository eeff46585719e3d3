"""Formatting of numbers and thresholds, shared by the terminal and the pages."""

import math

from lfw_jax.evaluation.intervals.interval import Interval
from lfw_jax.evaluation.results import FoldsResult, ListResult, ThresholdResult

RULE_NAMES = {"accuracy": "best accuracy", "f1": "best F1"}
MISSING = "–"
_FMR, _FNMR = "FMR (FAR)", "FNMR (FRR)"


def number(value: float | None, digits: int = 3) -> str:
    """Return a number in fixed notation, or a dash for None and NaN."""
    return MISSING if value is None or math.isnan(value) else f"{value:.{digits}f}"


def counted(count: int, noun: str) -> str:
    """Return a number with its noun, in the plural unless it is one."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def percent(share: float | None, digits: int = 1) -> str:
    """Return a share in per cent, or a dash for None and NaN."""
    return MISSING if share is None or math.isnan(share) else f"{100 * share:.{digits}f} %"


def small_share(share: float | None) -> str:
    """Return a share in per cent with three significant digits, or a dash for None."""
    return MISSING if share is None else f"{100 * share:.3g} %"


def interval(bounds: tuple[float, float]) -> str:
    """Return an interval of shares in per cent, or a dash if an end is NaN."""
    return MISSING if any(map(math.isnan, bounds)) else f"{100 * bounds[0]:.1f}–{percent(bounds[1])}"


def values_interval(bounds: Interval | None, digits: int = 3) -> str:
    """Return an interval of numbers in fixed notation, or a dash for None and NaN."""
    if bounds is None or math.isnan(bounds.low) or math.isnan(bounds.high):
        return MISSING
    return f"{bounds.low:.{digits}f}–{bounds.high:.{digits}f}"


def rule_name(rule: str) -> str:
    """Return the name of the metric that a threshold maximises."""
    return RULE_NAMES.get(rule, rule)


def mean_and_error(folds: FoldsResult) -> str:
    """Return the mean accuracy over folds with its standard error."""
    return f"{100 * folds.mean:.2f} ± {percent(folds.standard_error, 2)}"


def list_title(result: ListResult) -> str:
    """Return the name of a list with its numbers of pairs."""
    same, pairs = result.same_pairs, result.pairs
    return f"{result.name}: {pairs:,} pairs, {same:,} same, {pairs - same:,} different"


def threshold_lines(result: ListResult) -> dict[str, float]:
    """Return the thresholds of a list by their labels in plots."""
    lines = {rule_name(threshold.rule): threshold.threshold for threshold in result.thresholds}
    if held_out := result.held_out_threshold:
        lines[held_out.chosen_on] = held_out.threshold
    return lines


def _rows(one: ThresholdResult, *, naive: bool) -> list[tuple[str, str, str]]:
    """Return label, value and meaning of each quantity of one threshold.

    Intervals that respect the dependence of pairs stand below their metric. The one of independent pairs is shown once, if
    there is no other or if `naive` is true.
    """
    independent = (
        "naive 95 %" if one.intervals else "95 % interval",
        interval(one.accuracy_interval),
        "Interval of the accuracy (Wilson), as if the pairs were independent.",
    )
    rows = [
        ("Threshold", number(one.threshold), "Pairs at a smaller distance are accepted as one identity."),
        ("Chosen on", one.chosen_on, "The pairs that the threshold was chosen on."),
        ("Accuracy", percent(one.accuracy), "Share of the pairs that are classified correctly."),
        ("F1", number(one.f1), "Harmonic mean of precision and recall; 1 is perfect."),
        ("Precision", percent(one.precision), "Share of the accepted pairs that show one identity."),
        ("Recall", percent(one.recall), "Share of the same pairs that are accepted."),
        (
            _FMR,
            percent(one.false_accept_rate),
            "False match rate: share of the different pairs that are accepted.",
        ),
        (
            _FNMR,
            percent(one.false_reject_rate),
            "False non-match rate: share of the same pairs that are rejected.",
        ),
    ]
    below: dict[str, list[tuple[str, str, str]]] = {}
    if bounds := one.intervals:
        below = {
            "Threshold": [_row("Threshold", bounds.threshold, values_interval(bounds.threshold))],
            "Accuracy": [_row("Accuracy", bounds.accuracy, interval(bounds.accuracy.ends))],
            _FMR: [_row("FMR", bounds.false_accept_rate, interval(bounds.false_accept_rate.ends))],
            _FNMR: [_row("FNMR", bounds.false_reject_rate, interval(bounds.false_reject_rate.ends))],
        }
    if naive or not one.intervals:
        below.setdefault("Accuracy", []).append(independent)
    return [row for first in rows for row in (first, *below.get(first[0], []))]


def _row(name: str, bounds: Interval, text: str) -> tuple[str, str, str]:
    """Return the row of an interval: its method, and the number of pairs that it is worth."""
    worth = "" if bounds.effective_pairs is None else f", worth {bounds.effective_pairs:,.0f} independent pairs"
    level = f"{100 * bounds.level:g} %"
    return f"{name}, {level}", text, f"{level} interval: {bounds.method}{worth}."


def threshold_rows(result: ListResult, *, meanings: bool) -> list[list[str]]:
    """Return the table of the thresholds, head first: one row per quantity, one column per threshold.

    The threshold of held-out identities, if there is one, is the last column.

    Args:
      result: the result of a list.
      meanings: true to add a last column with the meaning of each quantity, and the interval of the accuracy as if pairs were
        independent.
    """
    thresholds = [*result.thresholds, *([result.held_out_threshold] if result.held_out_threshold else [])]
    columns = [_rows(threshold, naive=meanings) for threshold in thresholds]
    titles = [rule_name(threshold.rule) for threshold in result.thresholds]
    if held_out := result.held_out_threshold:
        titles.append(held_out.chosen_on)
    rows = [["", *titles, *(["Meaning"] if meanings else [])]]
    for cells in zip(*columns, strict=True):
        label, _, meaning = cells[0]
        rows.append([label, *(value for _, value, _ in cells), *([meaning] if meanings else [])])
    return rows
