"""Tables of the evaluation sets."""

import types
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
        # Long headings may wrap, numbers may not.
        width = max(map(len, cells)) if i else None
        table.add_column(Text(name), justify="right" if i else "left", overflow="fold", min_width=width)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table


def sets_section(
    results: Sequence[ListResult], leaking: Mapping[str, int], failed: Mapping[str, str] = types.MappingProxyType({})
) -> Section:
    """Return the section of the evaluation sets: the protocol in words, and their table.

    Args:
      results: the results of the sets.
      leaking: for each set, by its name, the number of its identities in the training set.
      failed: the reason for each set that could not be evaluated, by its name.
    """
    text = (
        "Each set is evaluated over its own folds, each fold at the threshold chosen on the other folds. The accuracy is the "
        "mean over folds ± its standard error. The population standard deviation (pop. std) is the number that other projects "
        "print after ±. InsightFace's protocol chooses thresholds from a grid of squared distances. TAR at FAR 0.1 %, 1 − FNMR "
        "at FMR 0.1 %, is the share of same pairs that are accepted when at most one different pair in a thousand is accepted. A "
        "set with its own development pairs is evaluated at their threshold and has no standard error."
    )
    for name, count in leaking.items():
        text += f"\n\n{count} identities of {name} are in the training set, so its metrics are too optimistic."
    for name, reason in failed.items():
        text += f"\n\n{name} could not be evaluated: {reason}"
    return Section("Evaluation sets", text, _rows(results) if results else None)


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
