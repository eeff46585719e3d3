"""Charts of a run: distances, ROC curve, training curves."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from lfw_jax.evaluation.distance_range import distance_range, have_common_range
from lfw_jax.evaluation.roc import roc_auc, roc_points
from lfw_jax.evaluation.scores import ScoredPairs
from lfw_jax.report.chart import Axis, Chart, Role, Series
from lfw_jax.training.history import HistoryRow

_BIN_WIDTH = 0.025
_BINS = 80  # of scores that are not distances of unit embeddings
EUCLIDEAN, OTHER_SCORES = "distance between the two embeddings", "score of the pair as a distance"
"""Labels of the axis of distances: Euclidean distances of unit embeddings, and scores of other kinds."""
_SMOOTH_FROM = 100


def distance_edges(pairs: ScoredPairs) -> Float[np.ndarray, "edges"]:
    """Return the edges of the histogram of distances.

    They cover `distance_range`.

    Args:
      pairs: the scored pairs.
    """
    low, high = distance_range(pairs.distances)
    bins = int(np.ceil(high / _BIN_WIDTH - 1e-9)) if have_common_range(pairs.distances) else _BINS
    return np.linspace(low, high, 1 + bins)


def distance_chart(
    pairs: ScoredPairs, thresholds: Mapping[str, float], *, follows: bool = False, label: str = EUCLIDEAN
) -> Chart:
    """Return the histogram of the distances of same and of different pairs, with thresholds.

    Args:
      pairs: the scored pairs.
      thresholds: thresholds by their labels.
      follows: true for a line that the threshold slider of the page moves.
      label: `EUCLIDEAN` or `OTHER_SCORES`.
    """
    edges = distance_edges(pairs)
    series = []
    kinds: tuple[tuple[str, Role], ...] = (("same identity", "same"), ("different identities", "different"))
    for (name, role), chosen in zip(kinds, (pairs.same, ~pairs.same), strict=True):
        counts = np.histogram(pairs.distances[chosen], edges)[0]
        series.append(Series(f"{name} ({chosen.sum():,} pairs)", edges.tolist(), counts.tolist(), "bars", role))
    return Chart(
        title="Distances of same and different identities",
        x=Axis(label, limits=(float(edges[0]), float(edges[-1]))),
        y=Axis(f"pairs per {edges[1] - edges[0]:.3f}"),
        series=series,
        verticals=list(thresholds.items()),
        key="distances",
        follows="threshold" if follows else "",
    )


def roc_chart(pairs: ScoredPairs, *, follows: bool = False) -> Chart:
    """Return the ROC curve, over all thresholds. `error_rate_charts` has that of low false match rates.

    Its title states the exact area under the curve, in which ties count half.

    Args:
      pairs: the scored pairs.
      follows: true for a point that the threshold slider of the page moves.
    """
    false, true = roc_points(pairs.distances, pairs.same)
    return Chart(
        title=f"ROC curve: AUC {roc_auc(pairs.distances, pairs.same):.4f}",
        x=Axis("false match rate (FMR)", limits=(0.0, 1.0), percent=True),
        y=Axis("true match rate (TMR)", limits=(0.0, 1.0), percent=True),
        series=[Series("true match rate", false.tolist(), true.tolist(), role="same")],
        diagonal=True,
        key="roc",
        follows="fmr-tmr" if follows else "",
    )


def training_charts(history: Sequence[HistoryRow]) -> list[Chart]:
    """Return charts of loss, validation accuracy and learning rate, as far as the history has them.

    Args:
      history: the rows of the history.

    Raises:
      ValueError: no row has any of the three quantities.
    """
    loss = [(row.step, row.loss) for row in history if row.loss is not None]
    rate = [(row.step, row.learning_rate) for row in history if row.learning_rate is not None]
    accuracy = [(row.step, row.validation_accuracy) for row in history if row.validation_accuracy is not None]
    charts = []
    if loss:
        charts.append(_chart("Training loss", "training-loss", Axis("loss"), _loss_series(loss)))
    if accuracy:
        charts.append(_accuracy_chart(accuracy))
    if rate:
        steps, values = zip(*rate, strict=True)
        top = 1.04 * max(values) or 1.0
        series = [Series("learning rate", steps, values)]
        charts.append(_chart("Learning rate", "learning-rate", Axis("learning rate", limits=(0.0, top)), series))
    if not charts:
        raise ValueError("training_charts: no entry of the history has loss, learning_rate or validation_accuracy")
    return charts


def _chart(title: str, key: str, y: Axis, series: Sequence[Series]) -> Chart:
    last = max(max(one.x) for one in series)
    return Chart(title=title, x=Axis("step", limits=(0.0, float(last) or 1.0)), y=y, series=series, key=key)


def _loss_series(rows: Sequence[tuple[float, float]]) -> list[Series]:
    steps, values = np.array(rows, dtype=float).T
    if len(values) < _SMOOTH_FROM:
        return [Series("loss", steps.tolist(), values.tolist(), role="same")]
    window = max(5, len(values) // 50) | 1
    # The mean of each window, at its middle step. The ends, where no complete window fits, have no mean.
    middle = slice(window // 2, len(values) - window // 2)
    mean = np.convolve(values, np.full(window, 1 / window), mode="valid")
    return [
        Series("each log", steps.tolist(), values.tolist(), role="muted"),
        Series(f"mean of {window}", steps[middle].tolist(), mean.tolist(), role="same"),
    ]


def _accuracy_chart(rows: Sequence[tuple[float, float]]) -> Chart:
    steps, values = np.array(rows, dtype=float).T
    title = "Validation accuracy"
    series = [Series("accuracy", steps.tolist(), values.tolist(), role="first")]
    if np.isfinite(values).any():
        best = int(np.nanargmax(values))
        title += f": best {100 * values[best]:.1f} % at step {steps[best]:,.0f}"
    return _chart(title, "validation-accuracy", Axis("validation accuracy", percent=True), series)
