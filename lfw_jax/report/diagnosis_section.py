"""Sections of the diagnosis: the paragraph at the top, image attributes, identities, labels."""

from collections.abc import Sequence

from lfw_jax.evaluation.diagnosis.identities import HARDEST
from lfw_jax.evaluation.diagnosis.label_errors import AGREEING, LabelErrors
from lfw_jax.evaluation.diagnosis.results import DiagnosisResult
from lfw_jax.evaluation.diagnosis.sentences import MOST_FINDINGS
from lfw_jax.report.diagnosis_charts import condition_charts, space_charts
from lfw_jax.report.formatting import MISSING, interval, number, percent
from lfw_jax.report.page import Section


def diagnosis_section(result: DiagnosisResult) -> Section:
    """Return the first section of a page: what the figures mean, and what to try next.

    Args:
      result: the diagnosis.
    """
    further = [f"{item.meaning} {item.advice}" for item in result.findings[MOST_FINDINGS:]]
    return Section("Diagnosis", "\n\n".join([result.paragraph, *further]))


def embeddings_section(result: DiagnosisResult) -> Section:
    """Return the section of the quantities behind the diagnosis, of distances and embeddings.

    Args:
      result: the diagnosis.
    """
    text = (
        "The quantities behind the diagnosis: how far the distances of same and different pairs are apart, and how the "
        "embeddings of the test images use their space."
    )
    if result.sampled_images:
        text += f" The figures of the embeddings are those of a sample of {result.sampled_images:,} images."
    rows = [["Quantity", "Value", "Meaning"], *_separation_rows(result), *_space_rows(result)]
    return Section("Distances and embeddings", text, rows, space_charts(result))


def conditions_section(result: DiagnosisResult) -> Section:
    """Return the section of the accuracy against image attributes.

    Args:
      result: the diagnosis.
    """
    text = (
        "Pairs in three equal parts by an attribute of their images; the harder of the two images of a pair counts. The share of "
        "same pairs differs between the parts, so compare FMR and FNMR as well."
    )
    if result.unavailable:
        text += f"\n\nNot measured: {'; '.join(result.unavailable)}."
    for item in result.conditions.values():
        if item.unknown:
            text += f"\n\n{item.unknown} pairs have an image of unknown {item.name}."
    rows = [["Attribute", "Range", "Pairs", "Same", "Accuracy", "95 % interval", "FMR", "FNMR"]]
    for item in result.conditions.values():
        for one in item.bins:
            limits = f"{one.low:.4g} to {one.high:.4g}"
            rates = percent(one.false_match_rate), percent(one.false_non_match_rate)
            sizes = f"{one.pairs:,}", f"{one.same_pairs:,}"
            rows.append([item.name, limits, *sizes, percent(one.accuracy), interval(one.interval), *rates])
    return Section("Accuracy and image quality", text, rows, condition_charts(result))


def identities_section(result: DiagnosisResult) -> Section | None:
    """Return the section of the hardest identities; None if identities are unknown or there is no error.

    Args:
      result: the diagnosis.
    """
    people = result.identities
    if people is None or not people.errors:
        return None
    text = (
        f"{people.with_errors:,} of {people.identities:,} identities take part in the {people.errors:,} errors. The {HARDEST} "
        "hardest by the lower end of the 95 % interval of their error rate (Wilson): an error of a different pair counts for "
        "both."
    )
    rows = [["Identity", "Same pairs", "Rejected", "Different pairs", "Accepted", "Error rate", "95 % interval"]]
    for one in people.hardest:
        counts = (one.same_pairs, one.false_non_matches, one.different_pairs, one.false_matches)
        rate = percent(one.errors / one.pairs)
        rows.append([one.name, *(f"{count:,}" for count in counts), rate, interval(one.error_interval)])
    return Section("The hardest identities", text, rows)


def label_errors_text(errors: LabelErrors) -> str:
    """Return the text on likely label errors: the rules, their counts, and the expected false alarms.

    Args:
      errors: the likely label errors.
    """
    return (
        f"{errors.pair_count} pairs are nearer to the median distance of the other label, and so extreme for their own that "
        f"{errors.pair_false_alarms:g} such pairs are expected in the whole list if all labels are right. {errors.image_count} "
        f"images have {AGREEING} nearest neighbours of one other identity, all nearer than the threshold, and no image of their "
        f"own identity below it; {errors.image_false_alarms:.2g} are expected by chance, and more where identities look alike. "
        "A network that is mistaken in the same way for many images is reported here as well: look at the pictures."
    )


def _separation_rows(result: DiagnosisResult) -> list[list[str]]:
    apart = result.separation
    return [
        ["d′", number(apart.d_prime, 2), "Difference of the mean distances in pooled standard deviations."],
        ["Overlap", percent(apart.overlap), "Common area of the two distributions of distances; 0 is perfect."],
        ["Gaussian accuracy", percent(apart.gaussian_accuracy), "Φ(d′/2): the accuracy if distances were Gaussian."],
        ["Equal error rate", percent(apart.equal_error_rate), "FMR = FNMR at a threshold chosen on the test pairs."],
    ]


def _space_rows(result: DiagnosisResult) -> Sequence[list[str]]:
    space, hubs = result.space, result.hubness
    skewness = hubs.skewness if hubs else None
    correlation = space.intraclass_correlation
    lengths = f"{space.norm_mean:.3g} ± {space.norm_std:.2g}"
    return [
        ["Effective rank", f"{space.effective_rank:.1f} of {space.dim}", "Number of dimensions in use."],
        ["Participation ratio", number(space.participation_ratio, 1), "The same, with small components counting less."],
        ["Mean direction", number(space.mean_direction), "0 if directions cancel, 1 if all embeddings are equal."],
        ["Length", lengths, "Mean and standard deviation of the lengths of the raw embeddings."],
        [
            "Variance between identities",
            percent(space.between_share),
            f"Share of the variance; {percent(space.random_between_share)} for embeddings unrelated to identities.",
        ],
        [
            "Intraclass correlation",
            number(correlation) if correlation is not None else MISSING,
            "Variance explained by identity, corrected for the number of images; 0 is none, 1 all.",
        ],
        [
            "Hubness",
            number(skewness, 2),
            f"Skewness of the number of images that have an image as a neighbour (k = {hubs.k}).",
        ]
        if hubs
        else ["Hubness", MISSING, "Too few images."],
    ]
