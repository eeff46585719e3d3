"""How the numbers of a verification summary are written: the same words in the terminal and on the page."""

import math
from collections.abc import Mapping
from typing import Any

RULE_NAMES = {"accuracy": "best accuracy", "f1": "best F1"}
MISSING = "–"


def number(value: float | None, digits: int = 3) -> str:
    """Write a number, or a dash where there is none."""
    return MISSING if value is None or math.isnan(value) else f"{value:.{digits}f}"


def percent(share: float | None, digits: int = 1) -> str:
    """Write a share of 1 as per cent, or a dash where there is none."""
    return MISSING if share is None or math.isnan(share) else f"{100 * share:.{digits}f} %"


def interval(bounds: tuple[float, float] | list[float] | None) -> str:
    """Write the two ends of an interval of shares as per cent, or a dash where there is none."""
    return MISSING if bounds is None else f"{100 * bounds[0]:.1f}–{percent(bounds[1])}"


def rule_name(rule: str) -> str:
    """Say in words what a threshold was chosen for."""
    return RULE_NAMES.get(rule, rule)


def mean_and_error(folds: Mapping[str, Any]) -> str:
    """Write the folds' mean accuracy with its standard error."""
    return f"{100 * folds['mean']:.2f} ± {percent(folds['standard_error'], 2)}"


def list_title(summary: Mapping[str, Any]) -> str:
    """Name the list and the size of it."""
    same, pairs = summary["same_pairs"], summary["pairs"]
    return f"{summary['list']}: {pairs:,} pairs, {same:,} of the same person, {pairs - same:,} of different people"


def threshold_lines(summary: Mapping[str, Any]) -> dict[str, float]:
    """What figures call each threshold, and where it lies."""
    lines = {rule_name(t["rule"]): t["threshold"] for t in summary["thresholds"]}
    if held_out := summary.get("held_out_threshold"):
        lines[held_out["chosen_on"]] = held_out["threshold"]
    return lines


# (label, how to write it for one threshold, what it says)
_ROWS = (
    ("Threshold", lambda t: number(t["threshold"]), "Pairs nearer than this count as the same person."),
    ("Chosen on", lambda t: t["chosen_on"], "The list whose pairs fixed the threshold."),
    ("Accuracy", lambda t: percent(t["accuracy"]), "Share of all pairs judged rightly."),
    (
        "95 % interval",
        lambda t: interval(t["accuracy_interval"]),
        "Where the accuracy would likely fall on other pairs of this kind.",
    ),
    ("F1", lambda t: number(t["f1"]), "Harmonic mean of precision and recall; 1 is perfect."),
    ("Precision", lambda t: percent(t["precision"]), "Of the pairs called the same person, the share that are."),
    ("Recall", lambda t: percent(t["recall"]), "Of the pairs of one person, the share found."),
    ("False accepts", lambda t: percent(t["false_accept_rate"]), "Of the pairs of different people, the share let in."),
    ("False rejects", lambda t: percent(t["false_reject_rate"]), "Of the pairs of one person, the share turned away."),
)


def threshold_rows(summary: Mapping[str, Any], *, meanings: bool) -> list[list[str]]:
    """Give the table of the thresholds, head first: a row a quantity, a column a threshold, and what it says.

    The threshold of held-out people, where there is one, is the last column.
    """
    held_out = summary.get("held_out_threshold")
    thresholds = [*summary["thresholds"], *([held_out] if held_out else [])]
    rows = [["", *(rule_name(t["rule"]) for t in thresholds)]]
    rows += [[label, *(write(t) for t in thresholds)] for label, write, _ in _ROWS]
    if meanings:
        rows = [[*row, meaning] for row, meaning in zip(rows, ["What it says", *(r[2] for r in _ROWS)], strict=True)]
    return rows
