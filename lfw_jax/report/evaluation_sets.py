"""Evaluation sets side by side, and the true accept rates at strict thresholds."""

from collections.abc import Mapping, Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from lfw_jax.evaluation.results import ListResult
from lfw_jax.report.formatting import MISSING, mean_and_error, number, percent
from lfw_jax.report.page import Section
from lfw_jax.report.terminal_text import printable

_STRICT = 0.001


def sets_table(results: Sequence[ListResult]) -> Table:
    """Return the table of evaluation sets for the terminal: one row per set."""
    table = Table(title="Evaluation sets", title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, min_width=50)
    head, *rows = printable(_rows(results))
    for i, (name, *cells) in enumerate(zip(head, *rows, strict=True)):
        # A long heading may be broken into two lines, a number may not.
        width = max(map(len, cells)) if i else None
        table.add_column(Text(name), justify="right" if i else "left", overflow="fold", min_width=width)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table


def sets_section(results: Sequence[ListResult], leaking: Mapping[str, int]) -> Section:
    """Return the section of the evaluation sets: their table, with the protocol in words.

    Args:
      results: the results of the sets.
      leaking: number of identities of a set that trained, by its name.
    """
    text = (
        "Each set is evaluated over its own folds, each fold at the threshold chosen on the others: mean accuracy ± standard "
        "error of the mean. The population standard deviation (pop. std) is what other projects print after their ±. "
        "InsightFace's recipe takes its thresholds from a grid of squared distances. TAR, the true accept rate, is the share "
        "of same pairs accepted when at most one different pair in a thousand is. A set with development pairs of its own is "
        "evaluated at their threshold, and has no ±."
    )
    for name, count in leaking.items():
        text += f"\n\n{count} identities of {name} trained, so its metrics flatter the model."
    return Section("Evaluation sets", text, _rows(results))


def rates_section(result: ListResult) -> Section:
    """Return the section with TAR@FAR of one list and its accuracy by InsightFace's recipe."""
    points = result.true_accept_rates
    text = (
        "The share of the same pairs that is accepted when at most a given share of the different pairs is. The thresholds are "
        "points of the ROC curve of these very pairs, not chosen on others, and need not hold for other pairs."
    )
    if not points:
        text += " There are too few different pairs to measure one."
    if insightface := result.insightface:
        text += (
            f"\n\nBy InsightFace's recipe (ten unshuffled folds, thresholds 0 to 4 in steps of 0.01 on squared distances) the "
            f"accuracy is {percent(insightface.mean, 2)}, and the population standard deviation that it prints after ± is "
            f"{percent(insightface.population_std, 2)}."
        )
    rows = [["False accepts allowed", "True accepts", "Threshold"]]
    rows += [
        [f"{100 * point.false_accept_rate:g} %", percent(point.true_accept_rate), number(point.threshold)]
        for point in points
    ]
    return Section("At strict thresholds", text, rows if points else None)


def _rows(results: Sequence[ListResult]) -> list[list[str]]:
    rows = [["Set", "Pairs", "Accuracy", "Pop. std", "InsightFace", "AUC", "TAR at FAR 0.1 %"]]
    for result in results:
        folds, insightface = result.folds, result.insightface
        rows.append(
            [
                result.name,
                f"{result.pairs:,}",
                mean_and_error(folds) if folds else percent(result.by_rule("accuracy").accuracy, 2),
                percent(folds.population_std, 2) if folds else MISSING,
                percent(insightface.mean, 2) if insightface else MISSING,
                number(result.auc, 4),
                percent(result.true_accept_rate(_STRICT), 2),
            ]
        )
    return rows
