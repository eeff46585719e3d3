"""The members of a fused system and the gain of their fusion, on the page and on the terminal."""

from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from lfw_jax.evaluation.comparison.results import PairedDifference
from lfw_jax.evaluation.fusion.results import Matrix, MembersResult, SystemScores
from lfw_jax.evaluation.intervals.interval import Interval
from lfw_jax.report.chart import Axis, Chart, Role, Series
from lfw_jax.report.comparison.differences import difference, difference_interval, p_value
from lfw_jax.report.formatting import MISSING, number, percent
from lfw_jax.report.heat_table import HeatTable
from lfw_jax.report.page import Content, Section
from lfw_jax.report.terminal_text import printable

_ROLES: Sequence[Role] = ("first", "second", "third", "fourth", "neutral")
_MEASURES = {"accuracy": "accuracy", "auc": "AUC"}


def members_section(result: MembersResult) -> Section:
    """Return the section of the members: the gain in words, a table, correlations, and DET curves.

    Args:
      result: the evaluation of a fused system.
    """
    paragraphs = [_systems_in_words(result), *_gains_in_words(result), _gaussian_in_words(result)]
    figures = [*_matrices(result), *([_det_figure(result)] if any(one.curve for one in result.systems) else [])]
    return Section("Members and fusion", "\n\n".join(filter(None, paragraphs)), _rows(result), figures)


def members_table(result: MembersResult) -> Table:
    """Return the table of the members and their fusion for the terminal.

    Args:
      result: the evaluation of a fused system.
    """
    table = Table(
        title=Text(printable(f"Members and fusion on {result.list}"), "bold"),
        caption=Text("\n".join(map(printable, _captions(result)))),
        title_justify="left",
        caption_justify="left",
        caption_style="",
        box=box.SIMPLE_HEAD,
        min_width=64,
    )
    table.add_column("Member", overflow="fold", ratio=1)
    for name in ("Accuracy", "AUC", "d′", "EER", "Weight"):
        table.add_column(Text(name), justify="right", no_wrap=True)
    shares = [member.weight_share for member in result.members]
    for system, share in zip(result.systems, [*shares, None], strict=True):
        cells = [
            printable(system.name),
            _accuracy(system),
            number(system.auc, 4),
            _signed(number(system.d_prime, 2)),
            percent(system.equal_error_rate),
            _signed(percent(share, 0)),
        ]
        table.add_row(*map(Text, cells), style="bold" if system is result.fused else "")
    return table


def det_chart(result: MembersResult) -> Chart:
    """Return the DET curves of the fused system and of its members.

    The first four members have colours of their own.

    Args:
      result: the evaluation of a fused system.
    """
    systems = [result.fused, *(member.scores for member in result.members)]
    series = [
        Series(
            system.name,
            [match for match, _ in system.curve],
            [miss for _, miss in system.curve],
            role=_ROLES[index] if index < len(_ROLES) else "muted",
        )
        for index, system in enumerate(systems)
        if system.curve
    ]
    return Chart(
        title="DET curves of the fusion and its members",
        x=Axis("false match rate", scale="normal", percent=True),
        y=Axis("false non-match rate", scale="normal", percent=True),
        series=series,
        key="members-det",
    )


def _systems_in_words(result: MembersResult) -> str:
    count = len(result.members)
    text = (
        f"The scores of {count} {'member' if count == 1 else 'members'} are added with weights, and the sum is evaluated on the "
        f"same {result.pairs:,} pairs of {result.list} as each member alone. d′ is the difference of the mean distances of "
        "different and same pairs in pooled standard deviations. Shares of the weights count each weight times the standard "
        "deviation of its scores, so that members on different scales can be compared. "
    )
    if result.chosen_on is None:
        return text + "There are no other pairs to choose thresholds on, and so no accuracies."
    return text + (
        f"The threshold of each system has the best accuracy on {result.chosen_on}. 95 % intervals, in brackets, take into "
        "account that pairs share identities."
    )


def _gains_in_words(result: MembersResult) -> list[str]:
    if not result.gains:
        return []
    sentences = [
        f"In {_MEASURES[one.measure]}, the fusion differs from the best member, {one.reference}, by {difference(one)} (95 % "
        f"interval {difference_interval(one)}; {_p(one)}){_only_correct(one)}."
        for one in result.gains
    ]
    sentences.append(
        f"The intervals are paired: each of {result.resamples:,} resamples of the {result.resampled} gives both the same weights "
        "of pairs. The best member is the best one on these pairs, which favours the member, not the fusion."
    )
    return [" ".join(sentences)]


def _gaussian_in_words(result: MembersResult) -> str:
    expected = result.gaussian
    if expected is None or len(result.members) == 1:
        return ""
    return (
        "Members help each other as far as they err differently. Two equally good members whose Gaussian scores correlate by r "
        "fuse to √(2 / (1 + r)) times their d′. With the means, deviations and correlations of these members, the best linear "
        f"fusion of Gaussian scores has d′ {number(expected.d_prime, 2)} (last row of the table); this fusion has "
        f"{_signed(number(result.fused.d_prime, 2))}. “Without it” is the former for all other members: where it hardly differs, "
        "the member is no second opinion."
    )


def _rows(result: MembersResult) -> list[list[str]]:
    rows = [["System", "d′", "AUC", "Accuracy", "EER", "Weight", "Share", "Without it"]]
    for member in result.members:
        weights = _signed(f"{member.weight:.3g}"), _signed(percent(member.weight_share, 0))
        rows.append([*_cells(member.scores), *weights, number(member.d_prime_without, 2)])
    rows.append([*_cells(result.fused), *[MISSING] * 3])
    if expected := result.gaussian:
        metrics = number(expected.d_prime, 2), number(expected.auc), percent(expected.accuracy)
        rows.append(["Gaussian fusion", *metrics, *[MISSING] * 4])
    return rows


def _cells(system: SystemScores) -> list[str]:
    d_prime, error_rate = _signed(number(system.d_prime, 2)), percent(system.equal_error_rate)
    return [system.name, d_prime, _auc(system), _accuracy(system), error_rate]


def _matrices(result: MembersResult) -> list[tuple[str, Content]]:
    """Return the matrices of two members or more, with captions."""
    if len(result.members) < 2:
        return []
    names = [member.scores.name for member in result.members]
    found = [value for row in result.pair_d_primes for value in row if value is not None]
    limits = (min(found), max(found)) if found else (0.0, 1.0)
    different = result.pairs - result.same_pairs
    return [
        (
            f"Pearson's correlation of the members' scores within the {result.same_pairs:,} same pairs: the lower, the more they "
            "have to tell each other.",
            HeatTable("Correlation within same pairs", names, result.same_correlations),
        ),
        (
            f"The same within the {different:,} different pairs.",
            HeatTable("Correlation within different pairs", names, result.different_correlations),
        ),
        (
            "d′ to which Gaussian scores of two members would fuse; on the diagonal, that of one.",
            HeatTable("d′ of two members", names, result.pair_d_primes, limits),
        ),
    ]


def _det_figure(result: MembersResult) -> tuple[str, Content]:
    caption = "FNMR against FMR on axes of normal deviates, over all thresholds: lower is better."
    return caption, det_chart(result)


def _captions(result: MembersResult) -> list[str]:
    """Return the lines below the table of the terminal."""
    lines = []
    if result.chosen_on is not None:
        lines.append(f"thresholds chosen on {result.chosen_on}; 95 % intervals in brackets")
    lines += [
        f"{_MEASURES[one.measure]}, {one.run} − {one.reference}: {difference(one)} (95 % {difference_interval(one)})"
        for one in result.gains
    ]
    if len(result.members) > 1:
        same, different = map(_range, (result.same_correlations, result.different_correlations))
        lines.append(f"correlation: {same} within same, {different} within different pairs")
        if expected := result.gaussian:
            lines.append(f"best linear fusion of such scores, if Gaussian: d′ {number(expected.d_prime, 2)}")
    return lines


def _range(matrix: Matrix) -> str:
    """Return the smallest and the greatest correlation of two members."""
    found = [value for index, row in enumerate(matrix) for value in row[:index] if value is not None]
    if not found:
        return MISSING
    low, high = _signed(number(min(found), 2)), _signed(number(max(found), 2))
    return low if low == high else f"{low} to {high}"


def _auc(system: SystemScores) -> str:
    return number(system.auc) + _bounds(system.auc_interval, 1, 3)


def _accuracy(system: SystemScores) -> str:
    return percent(system.accuracy) + _bounds(system.accuracy_interval, 100, 1)


def _bounds(interval: Interval | None, scale: float, digits: int) -> str:
    return "" if interval is None else f" ({scale * interval.low:.{digits}f}–{scale * interval.high:.{digits}f})"


def _only_correct(one: PairedDifference) -> str:
    if one.mcnemar is None:
        return ""
    return (
        f": it alone is correct on {one.mcnemar.only_run:,} pairs, the member alone on {one.mcnemar.only_reference:,} "
        f"(McNemar's test, as if pairs were independent: {_p_text(one.mcnemar.p_value)})"
    )


def _p(one: PairedDifference) -> str:
    return _p_text(one.p_value)


def _p_text(value: float) -> str:
    text = p_value(value)
    return f"p {text}" if text.startswith("<") else f"p = {text}"


def _signed(text: str) -> str:
    return text.replace("-", "−")
