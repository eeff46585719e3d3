"""Calibration and score normalisation: sections of the page, and lines for the terminal."""

from collections.abc import Sequence
from decimal import Decimal

from lfw_jax.evaluation.calibration.impostors import AT_MOST_IMAGES
from lfw_jax.evaluation.calibration.results import (
    CalibrationResult,
    EvaluatedThreshold,
    ScoreMetrics,
    ScoreNormalisationResult,
)
from lfw_jax.report.chart import Axis, Chart, Role, Series
from lfw_jax.report.formatting import interval, number, percent
from lfw_jax.report.page import Section

_FEW_PAIRS = 3  # identity pairs per false match at the target rate, below which it rests on the luck of few identities
_ROLES: Sequence[Role] = ("first", "second")


def calibration_sections(
    calibration: CalibrationResult | None, normalisation: ScoreNormalisationResult | None
) -> list[Section]:
    """Return the sections of the thresholds, of the calibration and of the score normalisation.

    Args:
      calibration: the calibration of a run; None for no sections of it.
      normalisation: its score normalisation; None for no section of it.
    """
    sections = [thresholds_section(calibration), calibration_section(calibration)] if calibration else []
    return [*sections, normalisation_section(normalisation)] if normalisation else sections


def thresholds_section(result: CalibrationResult) -> Section:
    """Return the section of the thresholds for false match rates: one in words, all in a table.

    Args:
      result: the calibration of a run.
    """
    paragraphs = [
        f"A threshold for a target false match rate (FMR, also called FAR) is chosen on {_comparisons(result)}, and evaluated on "
        f"{result.test_comparisons:,} comparisons of the test images; of more than {AT_MOST_IMAGES:,} images, a random sample of "
        f"{AT_MOST_IMAGES:,} is compared. {_target_in_words(result)}",
        "The interval of a threshold comes from a bootstrap over identities, those of FMR and FNMR on test images from Wilson's "
        "interval with the effective number of comparisons, because "
        f"comparisons that share an identity are dependent. By the rule of three, {result.comparisons:,} comparisons support "
        f"no FMR below {rate_text(result.smallest_rate)}; the fewer the identities, the less they support.",
    ]
    rows = [
        ["Target FMR", "Threshold", "95 % interval", "FMR on test images", "95 % interval", "FNMR", "95 % interval"]
    ]
    rows += [_row(one) for one in result.thresholds]
    return Section("Thresholds for false match rates", "\n\n".join(paragraphs), rows if result.thresholds else None)


def calibration_section(result: CalibrationResult) -> Section:
    """Return the section of the calibration: its quality in words and as a table.

    Args:
      result: the calibration of a run.
    """
    logistic = result.methods[0]
    lost = logistic.cllr - result.min_cllr
    text = (
        f"A calibration turns a distance into a log-likelihood ratio, and with a prior into the probability of one identity. It "
        f"was fitted on {result.fitted_pairs:,} pairs of {result.fitted_on} and is evaluated on {result.evaluated_on}. Cllr is "
        "the cost of the log-likelihood ratios in bits, over all decisions: 0 is perfect, 1 is no evidence, and more is "
        f"misleading evidence. Of the {number(logistic.cllr)} bits of the {logistic.method} calibration, "
        f"{number(result.min_cllr)} are lost by the overlap of the distances (min-Cllr), and {number(lost)} by calibration.\n\n"
        "The expected calibration error is the mean difference between stated probability and share of same pairs, over bins of "
        f"equally many pairs, at the share of same pairs of the list ({percent(result.prior)})."
    )
    rows = [["Calibration", "Cllr", "min-Cllr", "Lost by calibration", "Calibration error", "Bins"]]
    rows += [
        [
            one.method,
            number(one.cllr),
            number(result.min_cllr),
            number(one.cllr - result.min_cllr),
            percent(one.expected_calibration_error),
            str(len(one.bins)),
        ]
        for one in result.methods
    ]
    caption = (
        f"Share of same pairs of {result.evaluated_on} beside the stated probability, in bins of equally many pairs with the "
        "95 % interval of the share. A calibrated probability lies on the diagonal."
    )
    return Section("Calibration", text, rows, [(caption, reliability_chart(result))])


def reliability_chart(result: CalibrationResult) -> Chart:
    """Return the reliability plot: the share of same pairs beside the stated probability.

    Args:
      result: the calibration of a run.
    """
    series = [
        Series(
            name=one.method,
            x=[part.mean_probability for part in one.bins],
            y=[part.same_share for part in one.bins],
            kind="points",
            role=role,
            low=[part.interval[0] for part in one.bins],
            high=[part.interval[1] for part in one.bins],
        )
        for one, role in zip(result.methods, _ROLES, strict=True)
    ]
    return Chart(
        title=f"Reliability on {result.evaluated_on}",
        x=Axis("stated probability of one identity", limits=(0.0, 1.0), percent=True),
        y=Axis("share of same pairs", limits=(0.0, 1.0), percent=True),
        series=series,
        diagonal=True,
        key="reliability",
    )


def normalisation_section(result: ScoreNormalisationResult) -> Section:
    """Return the section of the score normalisation: the metrics with and without it.

    Args:
      result: the score normalisation of a run.
    """
    text = (
        "AS-norm standardises the cosine similarity of a pair by mean and deviation of the scores of each of its images against "
        f"the {result.nearest} nearest of {result.cohort_identities:,} training identities ({result.cohort_images:,} images), "
        f"averaged over the two images. Thresholds of the accuracy are chosen on {result.chosen_on}. FNMR at FMR counts all "
        "comparisons of different test identities. Decisions of this project use plain distances."
    )
    rows = [
        [
            "Scores",
            "Accuracy",
            "Equal error rate",
            *(f"FNMR at FMR {rate_text(one.false_match_rate)}" for one in result.before.rates),
        ]
    ]
    rows += [_score_row("plain", result.before), _score_row("AS-norm", result.after)]
    return Section(f"Score normalisation on {result.evaluated_on}", text, rows)


def calibration_lines(
    calibration: CalibrationResult | None, normalisation: ScoreNormalisationResult | None
) -> list[str]:
    """Return the lines for the terminal, each at most 80 characters long.

    Args:
      calibration: the calibration of a run, if any.
      normalisation: its score normalisation, if any.
    """
    lines = []
    if calibration:
        logistic = calibration.methods[0]
        lines.append(
            f"calibration: Cllr {number(logistic.cllr)} bits, min-Cllr {number(calibration.min_cllr)}, "
            f"calibration error {percent(logistic.expected_calibration_error)}"
        )
        target = rate_text(calibration.target_rate)
        if one := calibration.threshold():
            low, high = one.chosen.threshold_interval
            lines += [
                f"threshold for FMR {target}: {number(one.chosen.threshold)} (95 % {number(low)}–{number(high)}),",
                f"  on test images FMR {rate_text(one.false_match_rate)} "
                f"(95 % {rate_interval(one.false_match_rate_interval)}), FNMR {percent(one.false_non_match_rate)}",
            ]
        else:
            lines += [
                f"threshold for FMR {target}: needs more than the {calibration.comparisons:,} comparisons of "
                f"{calibration.identities:,}",
                f"  held-out identities, which support FMR {rate_text(calibration.smallest_rate)} and above (rule of three)",
            ]
    if normalisation:
        before, after = normalisation.before, normalisation.after
        lines.append(
            f"AS-norm: accuracy {percent(before.accuracy)} → {percent(after.accuracy)}, equal error rate "
            f"{percent(before.equal_error_rate)} → {percent(after.equal_error_rate)}"
        )
    return lines


def rate_text(rate: float) -> str:
    """Return a rate in per cent with two significant digits, such as "0.083 %"."""
    return f"{Decimal(f'{100 * rate:.2g}'):f} %"


def rate_interval(bounds: tuple[float, float]) -> str:
    """Return an interval of rates in per cent with two significant digits."""
    return f"{rate_text(bounds[0]).removesuffix(' %')}–{rate_text(bounds[1])}"


def _comparisons(result: CalibrationResult) -> str:
    return (
        f"{result.comparisons:,} comparisons of different identities, all between the images of {result.identities:,} "
        f"{result.fitted_on}"
    )


def _target_in_words(result: CalibrationResult) -> str:
    one, target = result.threshold(), result.target_rate
    if one is None:
        return (
            f"For the target FMR of {rate_text(target)} there is no threshold: the comparisons support "
            f"{rate_text(result.smallest_rate)} and above. Hold out more identities "
            "(--config.data.validation_people), or wish for a higher rate (--config.evaluation.false_match_rate)."
        )
    rate, (low, high) = one.false_match_rate, one.false_match_rate_interval
    expected = f"1 false match in {1 / rate:,.0f} comparisons" if rate else "no false match"
    text = (
        f"At the threshold {number(one.chosen.threshold)} for the target FMR of {rate_text(target)}, the test images have "
        f"{expected} of different identities (FMR {rate_text(rate)}, 95 % interval {rate_interval((low, high))}), and "
        f"{percent(one.false_non_match_rate)} of the same pairs are rejected (FNMR)."
    )
    if not low <= target <= high:
        text += (
            f" This is {'more' if rate > target else 'less'} than the target: expect the FMR of the test images. A threshold "
            "from few identities, or from easier ones, does not carry over to others."
        )
    pairs = result.identities * (result.identities - 1) // 2
    if pairs * target < _FEW_PAIRS:
        text += (
            f" The {result.identities:,} identities form only {pairs:,} pairs of identities, too few for such a rate: hold "
            "out more (--config.data.validation_people)."
        )
    return text


def _row(one: EvaluatedThreshold) -> list[str]:
    low, high = one.chosen.threshold_interval
    return [
        rate_text(one.chosen.target_rate),
        number(one.chosen.threshold),
        f"{number(low)}–{number(high)}",
        rate_text(one.false_match_rate),
        rate_interval(one.false_match_rate_interval),
        percent(one.false_non_match_rate),
        interval(one.false_non_match_rate_interval),
    ]


def _score_row(name: str, metrics: ScoreMetrics) -> list[str]:
    return [
        name,
        percent(metrics.accuracy),
        percent(metrics.equal_error_rate),
        *(percent(one.false_non_match_rate) for one in metrics.rates),
    ]
