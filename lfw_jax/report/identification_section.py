"""Identification and retrieval on the page and on the terminal."""

from collections.abc import Iterable, Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from lfw_jax.evaluation.identification.results import ClosedSetResult, IdentificationResult, OpenSetResult
from lfw_jax.report.chart import Axis, Chart, Role, Series
from lfw_jax.report.formatting import MISSING, interval, number, percent
from lfw_jax.report.page import Section
from lfw_jax.report.terminal_text import printable

RANKS = (1, 5, 10)
FALSE_POSITIVE_RATES = (0.1, 0.01)
_ROLES: tuple[Role, ...] = ("first", "second", "third", "fourth")


def identification_section(results: Sequence[IdentificationResult]) -> Section:
    """Return the section of identification and retrieval: the searches in words, a table, and charts.

    Args:
      results: the results, at least one: of the test images, then of the protocols.
    """
    text = (
        "Each probe is searched in a gallery. Rank k is the share of the probes whose identity is among the k most "
        "similar entries. It falls with the size of the gallery, so that only rates on the same gallery can be compared. "
        "TPIR at FPIR is the share of the mated searches that return the right identity first, at the threshold at which "
        "the given share of the searches without mate returns any identity. In retrieval, each image or template is "
        "compared with all others: P@1 is the share whose nearest has the same identity; MAP@R also counts how many of "
        "the R others of that identity are among the R nearest, and how early. Probes of one identity are dependent, "
        "which the interval of rank 1 takes into account."
    )
    paragraphs = [text, *(words for result in results if (words := _in_words(result)))]
    return Section(
        "Identification and retrieval", "\n\n".join(paragraphs), _rows(results), identification_charts(results)
    )


def identification_charts(results: Sequence[IdentificationResult]) -> list[tuple[str, Chart]]:
    """Return the charts of identification with their captions: the CMC, and TPIR against FPIR.

    Args:
      results: the results, of which the first four are shown.
    """
    charts = []
    closed = [(result.name, result.closed_set) for result in results if result.closed_set]
    if closed:
        charts.append(
            (
                "Cumulative match characteristic: the share of the probes whose identity is found within a rank.",
                cmc_chart(closed[: len(_ROLES)]),
            )
        )
    opened = [(result.name, result.open_set) for result in results if result.open_set and result.open_set.points]
    if opened:
        charts.append(
            (
                "Open-set identification: the share of the mated searches that return the right identity first, against the "
                "share of the searches without mate that return any identity, over all thresholds.",
                open_set_chart(opened[: len(_ROLES)]),
            )
        )
    return charts


def cmc_chart(results: Iterable[tuple[str, ClosedSetResult]]) -> Chart:
    """Return the chart of the cumulative match characteristics.

    Args:
      results: names and results.
    """
    series = [
        Series(name, [point.rank for point in result.cmc], [point.rate for point in result.cmc], role=role)
        for (name, result), role in zip(results, _ROLES, strict=False)
    ]
    rate = Axis("identified within the rank", limits=(0.0, 1.0), percent=True)
    return Chart("Cumulative match characteristic", Axis("rank", "log"), rate, series, key="cmc")


def open_set_chart(results: Iterable[tuple[str, OpenSetResult]]) -> Chart:
    """Return the chart of TPIR against FPIR.

    Args:
      results: names and results.
    """
    series = []
    for (name, result), role in zip(results, _ROLES, strict=False):
        points = sorted(result.points, key=lambda point: point.false_positive_rate)
        rates = [point.true_positive_rate for point in points]
        series.append(Series(name, [point.false_positive_rate for point in points], rates, role=role))
    false = Axis("false positive identification rate (FPIR)", "log", percent=True)
    true = Axis("true positive identification rate (TPIR)", limits=(0.0, 1.0), percent=True)
    return Chart("Open-set identification", false, true, series, key="open-set")


def identification_table(results: Sequence[IdentificationResult]) -> Table:
    """Return the table for the terminal: one row per quantity, one column per set."""
    table = Table(
        title="Identification and retrieval",
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        min_width=50,
    )
    columns = printable(_rows(results))
    for index, column in enumerate(columns):
        width = max(map(len, column[1:])) if index else None
        table.add_column(Text(column[0]), justify="right" if index else "left", overflow="fold", min_width=width)
    for cells in zip(*(column[1:] for column in columns), strict=True):
        table.add_row(*map(Text, cells))
    return table


def _rows(results: Sequence[IdentificationResult]) -> list[list[str]]:
    """Return one row per set, the head first."""
    head = ["Set", "Gallery", "Probes", *(f"Rank {rank}" for rank in RANKS)]
    head += [*(f"TPIR at FPIR {100 * rate:g} %" for rate in FALSE_POSITIVE_RATES), "P@1", "R-precision", "MAP@R"]
    return [head, *(_row(result) for result in results)]


def _row(result: IdentificationResult) -> list[str]:
    closed, opened, retrieval = result.closed_set, result.open_set, result.retrieval
    rates = retrieval and retrieval.over_queries
    entries = result.gallery + result.distractors
    return [
        result.name,
        f"{entries:,}" if entries else MISSING,
        f"{closed.probes:,}" if closed else MISSING,
        *(percent(closed and closed.rate(rank)) for rank in RANKS),
        *(percent(opened and opened.true_positive_rate(rate)) for rate in FALSE_POSITIVE_RATES),
        percent(rates and rates.precision_at_1),
        percent(rates and rates.r_precision),
        percent(rates and rates.map_at_r),
    ]


def _in_words(result: IdentificationResult) -> str:
    """Return the sizes of a set, and what the table does not show."""
    sentences = []
    if closed := result.closed_set:
        more = f" and {result.distractors:,} distractors" if result.distractors else ""
        sentences.append(
            f"{result.name}: {closed.probes:,} probes are searched among {result.gallery:,} entries of {result.identities:,} "
            f"identities{more}; the 95 % interval of rank 1 is {interval(closed.rank_1_interval)}."
        )
        if closed.without_mate:
            sentences.append(
                f"{closed.without_mate:,} probes have no mate: they are excluded from rank k and are the non-mated searches of "
                "the open set."
            )
    if opened := result.open_set:
        strictest = min((point.false_positive_rate for point in opened.points), default=None)
        if strictest is None:
            sentences.append("There are too few non-mated searches to measure any FPIR.")
        else:
            sentences.append(f"FPIR below {100 * strictest:g} % cannot be measured on {opened.non_mated:,} searches.")
    if retrieval := result.retrieval:
        by_identity = retrieval.over_identities
        sentences.append(
            f"Retrieval in {result.name}: {retrieval.queries:,} queries of {retrieval.identities:,} identities among "
            f"{retrieval.items:,} items. Averaged over identities instead of queries, P@1 is "
            f"{percent(by_identity.precision_at_1)} and MAP@R {percent(by_identity.map_at_r)}."
        )
    if pairs := result.verification:
        rates = "".join(
            f", TAR {percent(point.true_accept_rate)} at FAR {100 * point.false_accept_rate:g} %"
            for point in pairs.true_accept_rates
        )
        sentences.append(
            f"Verification of {pairs.pairs:,} pairs of templates: accuracy {percent(pairs.by_rule('accuracy').accuracy, 2)}, AUC "
            f"{number(pairs.auc, 4)}{rates}."
        )
    return " ".join(sentences)
