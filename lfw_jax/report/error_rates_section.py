"""Sections of the error rates of listed pairs, of all pairs, and with failures to acquire."""

import itertools
from collections.abc import Iterable, Sequence

from lfw_jax.evaluation.rate_results import AcquisitionResult, AllPairsResult, ErrorRatePoint
from lfw_jax.evaluation.results import ListResult
from lfw_jax.report.chart import Chart
from lfw_jax.report.formatting import MISSING, number, percent, small_share
from lfw_jax.report.page import Section

_TERMS = (
    "A false match is a different pair that is accepted, a false non-match a same pair that is rejected. Their rates are the FMR "
    "and the FNMR (ISO/IEC 19795-1), which the field also calls FAR and FRR; TAR is 1 − FNMR. Each threshold is the largest one "
    "whose FMR is at most the given rate."
)
_HEAD = ["FMR at most", "Threshold", "False matches", "FMR", "FNMR", "Remark"]


def listed_section(result: ListResult, charts: Sequence[tuple[str, Chart]] = ()) -> Section:
    """Return the section of the error rates of a list, with its accuracy by InsightFace's protocol.

    Args:
      result: the result of the list.
      charts: its charts, each with a caption.
    """
    text, rates = _TERMS, result.error_rates
    if rates:
        text += (
            " The thresholds are chosen on the evaluated pairs themselves and may not give the same rates on other pairs."
            f"\n\nThe equal error rate (EER), at which both rates are equal, is {percent(rates.equal_error_rate, 2)}."
        )
    text += "".join(f"\n\n{note}" for note in result.notes)
    if insightface := result.insightface:
        text += (
            f"\n\nBy InsightFace's protocol (ten unshuffled folds, thresholds 0 to 4 in steps of 0.01 on squared distances), the "
            f"accuracy is {percent(insightface.mean, 2)}. The population standard deviation, which InsightFace prints after ±, "
            f"is {percent(insightface.population_std, 2)}."
        )
    rows = _table(rates.points) if rates else None
    return Section("Error rates of the listed pairs", text, rows, charts)


def all_pairs_section(result: AllPairsResult) -> Section:
    """Return the section of the error rates of all pairs of the test images."""
    rates = result.rates
    points = [*result.chosen, *rates.points]
    exact = "Thresholds and counts are exact."
    if not all(point.exact for point in points):
        exact = "Marked thresholds are edges of histogram bins, as too many pairs lie beside them to measure each."
    text = (
        f"The {result.images:,} test images of {result.identities:,} identities form {rates.same_pairs:,} same and "
        f"{rates.different_pairs:,} different pairs, far more than are listed, so that lower FMRs can be measured. {exact} The "
        "first rows have the error rates at the thresholds of this run."
        f"\n\nThe EER is {percent(rates.equal_error_rate, 2)} and the area under the ROC curve {number(result.auc, 4)}, both to "
        "the resolution of the histogram. Identities with many images dominate these rates, the pairs depend on one another, and "
        "at very low FMRs a few wrong labels decide."
    )
    return Section("Error rates of all pairs of the test images", text, _table(points))


def acquisition_section(result: AcquisitionResult) -> Section:
    """Return the section of the test images in which no face was detected."""
    title = "Images without a detected face"
    if not result.undetected:
        return Section(title, f"A face was detected in each of the {result.images:,} test images.")
    pairs = result.same_pairs + result.different_pairs
    images = "1 has" if result.undetected == 1 else f"{result.undetected:,} have"
    text = (
        f"Of the {result.images:,} test images, {images} no detected face ({percent(result.undetected / result.images, 2)}, the "
        f"failure-to-acquire rate, FTA); they are in {pairs:,} pairs, {result.same_pairs:,} of them same pairs. They are not "
        "dropped: FMR and FNMR include them with the centre of the image as crop. FAR and FRR are the rates of a system that "
        "refuses such images: it rejects every pair with one, so that a same pair counts as a false rejection."
    )
    rows = [["Threshold of", "Threshold", "FMR", "FNMR", "FAR", "FRR with FTA"]]
    for rates in result.rates:
        shares = (
            rates.false_match_rate,
            rates.false_non_match_rate,
            rates.false_accept_rate,
            rates.false_reject_rate,
        )
        rows.append([rates.label, number(rates.threshold), *(percent(share, 2) for share in shares)])
    return Section(title, text, rows)


def _table(points: Iterable[ErrorRatePoint]) -> list[list[str]]:
    """Return a row per point below the head; rates that lack every figure for the same reason share one row."""
    rows = [_HEAD]
    for (*figures, note), group in itertools.groupby(map(_row, points), lambda row: row[1:]):
        names = [row[0] for row in group]
        if set(figures) == {MISSING} and len(names) > 1:
            names = [f"{names[0]} to {names[-1]}"]
        rows += [[name, *figures, note] for name in names]
    return rows


def _row(point: ErrorRatePoint) -> list[str]:
    first = small_share(point.rate) if point.rate is not None else f"threshold of {point.label}"
    matches = MISSING if point.false_matches is None else f"{point.false_matches:,}"
    threshold = number(point.threshold, 4)
    note = point.note if point.exact else "; ".join(filter(None, [point.note, "threshold and counts of whole bins"]))
    return [
        first,
        threshold,
        matches,
        small_share(point.false_match_rate),
        percent(point.false_non_match_rate, 2),
        note,
    ]
