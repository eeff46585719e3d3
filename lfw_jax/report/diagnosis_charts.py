"""Charts of the diagnosis: spectrum of the embeddings, hubness, accuracy against image attributes."""

from lfw_jax.evaluation.diagnosis.conditions import Condition
from lfw_jax.evaluation.diagnosis.neighbours import MOST_OCCURRENCES
from lfw_jax.evaluation.diagnosis.results import DiagnosisResult
from lfw_jax.report.chart import Axis, Chart, Series


def space_charts(result: DiagnosisResult) -> list[tuple[str, Chart]]:
    """Return the charts of the embedding space with their captions: its spectrum and its hubness.

    Args:
      result: the diagnosis.
    """
    space, charts = result.space, []
    if space.spectrum:
        components = range(1, len(space.spectrum) + 1)
        caption = (
            f"Share of the variance of the embeddings in each principal component. A steep fall means few dimensions in use: the "
            f"effective rank is {space.effective_rank:.1f} of {space.dim}."
        )
        if len(space.spectrum) < space.dim:
            caption += f" The first {len(space.spectrum)} of {space.dim} components are shown."
        spectrum = Chart(
            "Spectrum of the embeddings",
            Axis("principal component"),
            Axis("share of the variance", scale="log"),
            [Series("variance", list(components), list(space.spectrum))],
            verticals=[("effective rank", space.effective_rank)],
            key="spectrum",
        )
        charts.append((caption, spectrum))
    if result.hubness:
        charts.append(_hubness_chart(result))
    return charts


def condition_charts(result: DiagnosisResult) -> list[tuple[str, Chart]]:
    """Return a chart of the accuracy against each image attribute with two parts or more, with captions.

    Args:
      result: the diagnosis.
    """
    return [
        (f"Accuracy by {item.name}, with 95 % intervals (Wilson).", _condition_chart(key, item))
        for key, item in result.conditions.items()
        if len(item.bins) > 1
    ]


def _hubness_chart(result: DiagnosisResult) -> tuple[str, Chart]:
    hubs = result.hubness
    assert hubs is not None
    caption = f"Number of images by the number of others that have them among their {hubs.k} nearest neighbours"
    if len(hubs.counts) > MOST_OCCURRENCES:
        caption += f"; the last bar has {MOST_OCCURRENCES} and more"
    caption += ". A long tail to the right means hubs: images that are near to many others."
    edges = [float(count) for count in range(len(hubs.counts) + 1)]
    chart = Chart(
        "Hubness",
        Axis(f"occurrences among the {hubs.k} nearest neighbours"),
        Axis("images"),
        [Series("images", edges, [float(count) for count in hubs.counts], kind="bars")],
        key="hubness",
    )
    return caption, chart


def _condition_chart(key: str, item: Condition) -> Chart:
    accuracy = Series(
        "accuracy",
        [(one.low + one.high) / 2 for one in item.bins],
        [one.accuracy for one in item.bins],
        kind="points",
        low=[one.interval[0] for one in item.bins],
        high=[one.interval[1] for one in item.bins],
    )
    return Chart(
        f"Accuracy against {item.name}",
        Axis(f"{item.name} ({item.unit})"),
        Axis("accuracy", percent=True),
        [accuracy],
        key=f"accuracy-{key.replace('_', '-')}",
    )
