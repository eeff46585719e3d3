"""The table of error rates in the terminal."""

from rich import box
from rich.table import Table
from rich.text import Text

from lfw_jax.evaluation.rate_results import ErrorRatePoint
from lfw_jax.evaluation.run_metrics import RunMetrics
from lfw_jax.report.formatting import MISSING, number, percent, small_share


def error_rates_table(metrics: RunMetrics) -> Table | None:
    """Return the table of FNMR at given FMRs for the terminal; None for metrics of earlier versions."""
    rates, every = metrics.test.error_rates, metrics.all_pairs
    if not rates:
        return None
    table = Table(
        title=Text("FNMR at given FMRs (FRR at FAR)", "bold"),
        caption=Text(_caption(metrics)),
        title_justify="left",
        caption_justify="left",
        caption_style="",
        box=box.SIMPLE_HEAD,
        min_width=50,
    )
    for name in ("FMR at most", "listed pairs", *(("all pairs", "threshold") if every else ())):
        table.add_column(name, justify="right")
    for i, point in enumerate(rates.points):
        cells = [small_share(point.rate), _marked(point)]
        if every:
            other = every.rates.points[i]
            cells += [_marked(other), number(other.threshold if other.claimed else None, 4)]
        table.add_row(*map(Text, cells))
    return table


def _caption(metrics: RunMetrics) -> str:
    rates, every = metrics.test.error_rates, metrics.all_pairs
    assert rates
    lines = [f"EER {percent(rates.equal_error_rate, 2)}"]
    if every:
        lines[0] += f", of all pairs {percent(every.rates.equal_error_rate, 2)}"
    counts = f"{rates.different_pairs:,}" + (f" and {every.rates.different_pairs:,}" if every else "")
    lines += [f"different pairs: {counts}", "– too few pairs (rule of three); * fewer than 30 false matches"]
    if (found := metrics.acquisition) is not None:
        lines.append(f"test images without a detected face: {found.undetected:,} of {found.images:,}")
        if found.undetected:
            best = found.rates[0]
            lines.append(
                f"FNMR {percent(best.false_non_match_rate)}, with such pairs rejected: FRR {percent(best.false_reject_rate)}"
            )
    return "\n".join([*lines, *metrics.test.notes])


def _marked(point: ErrorRatePoint) -> str:
    if point.claimed:
        return f"{percent(point.false_non_match_rate, 2)}{'*' if point.note else ' '}"
    return f"{MISSING} "
