"""Charts of a comparison of runs: ROC and DET curves, training curves, distances."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from lfw_jax.evaluation.distance_range import are_unit_distances, distance_range, have_common_range
from lfw_jax.evaluation.roc import roc_points
from lfw_jax.evaluation.scores import ScoredPairs
from lfw_jax.report.chart import Axis, Chart, Role, Series
from lfw_jax.report.run_charts import EUCLIDEAN, OTHER_SCORES
from lfw_jax.training.history import HistoryRow

ROLES: tuple[Role, ...] = ("first", "second", "third", "fourth", "neutral")
"""The roles of the first runs; the others are drawn muted."""

_KINDS: tuple[tuple[str, Role, bool], ...] = (
    ("same identity", "same", True),
    ("different identities", "different", False),
)
_MOST_POINTS = 600
_BINS = 50
_SHARES = (1e-4, 0.5)


def run_roles(names: Sequence[str]) -> dict[str, Role]:
    """Return the role of each run, which is the same in all charts of a page."""
    return {name: ROLES[index] if index < len(ROLES) else "muted" for index, name in enumerate(names)}


def roc_chart(pairs: Mapping[str, ScoredPairs]) -> Chart:
    """Return the ROC curves of several runs.

    Args:
      pairs: the scored test pairs by the name of their run.
    """
    roles, series = run_roles(list(pairs)), []
    for name, scored in pairs.items():
        far, tar = roc_points(scored.distances, scored.same)
        kept = _thinned(far, tar)
        series.append(Series(name, far[kept].tolist(), tar[kept].tolist(), role=roles[name]))
    return Chart(
        "ROC curves",
        Axis("false match rate (FMR)", limits=(0.0, 1.0), percent=True),
        Axis("true match rate (TMR)", limits=(0.0, 1.0), percent=True),
        series,
        diagonal=True,
        key="compare-roc",
    )


def det_chart(pairs: Mapping[str, ScoredPairs]) -> Chart:
    """Return the DET curves of several runs: the two error rates, on axes of normal deviates.

    Args:
      pairs: the scored test pairs by the name of their run.
    """
    roles, series = run_roles(list(pairs)), []
    for name, scored in pairs.items():
        far, tar = roc_points(scored.distances, scored.same)
        frr = 1.0 - tar
        inside = (far > 0) & (far < 1) & (frr > 0) & (frr < 1)  # 0 and 1 have no normal deviate
        far, frr = far[inside], frr[inside]
        kept = _thinned(np.log(far), np.log(frr))
        series.append(Series(name, far[kept].tolist(), frr[kept].tolist(), role=roles[name]))
    lowest = max(_SHARES[0], min((min(*one.x, *one.y) for one in series if len(one.x)), default=0.01))
    limits = (min(lowest, _SHARES[1] / 2), _SHARES[1])
    return Chart(
        "DET curves",
        Axis("false match rate (FMR)", scale="normal", limits=limits, percent=True),
        Axis("false non-match rate (FNMR)", scale="normal", limits=limits, percent=True),
        series,
        key="compare-det",
    )


def distance_charts(pairs: Mapping[str, ScoredPairs], thresholds: Mapping[str, float]) -> list[Chart]:
    """Return one histogram of the distances per run, with common bins for distances of embeddings.

    Args:
      pairs: the scored test pairs by the name of their run.
      thresholds: the threshold of each run.
    """
    ranges = {name: distance_range(scored.distances) for name, scored in pairs.items()}
    alike = [name for name, scored in pairs.items() if have_common_range(scored.distances)]
    common = (0.0, max((ranges[name][1] for name in alike), default=0.0))
    charts = []
    for index, (name, scored) in enumerate(pairs.items(), 1):
        limits, series = common if name in alike else ranges[name], []
        edges = np.linspace(*limits, _BINS + 1)
        for kind, role, of_kind in _KINDS:
            counts, _ = np.histogram(scored.distances[scored.same == of_kind], edges)
            series.append(Series(kind, edges.tolist(), (counts / counts.sum()).tolist(), kind="bars", role=role))
        charts.append(
            Chart(
                f"Distances of {name}",
                Axis(EUCLIDEAN if are_unit_distances(scored.distances) else OTHER_SCORES, limits=limits),
                Axis("share of the pairs", percent=True),
                series,
                verticals=[("threshold", thresholds[name])],
                key=f"compare-distances-{index}",
            )
        )
    return charts


def training_charts(histories: Mapping[str, Sequence[HistoryRow]]) -> list[Chart]:
    """Return the validation accuracy and the training loss of several runs over their epochs.

    Args:
      histories: the rows of the history by the name of their run.

    Returns:
      The charts for which at least one history has values.
    """
    roles = run_roles(list(histories))
    charts = []
    for label, field, key in (
        ("Validation accuracy", "validation_accuracy", "compare-validation"),
        ("Training loss", "loss", "compare-loss"),
    ):
        series = []
        for name, rows in histories.items():
            points = [(row.epoch, getattr(row, field)) for row in rows if row.epoch is not None]
            x, y = _averaged([(epoch, value) for epoch, value in points if value is not None])
            if len(x):
                series.append(Series(name, x.tolist(), y.tolist(), role=roles[name]))
        if series:
            percent = field == "validation_accuracy"
            charts.append(Chart(label, Axis("epoch"), Axis(label.lower(), percent=percent), series, key=key))
    return charts


def _thinned(x: Float[np.ndarray, "points"], y: Float[np.ndarray, "points"]) -> np.ndarray:
    """Return the indices of at most `_MOST_POINTS` points, evenly spaced along a curve; the ends are kept."""
    if len(x) <= _MOST_POINTS:
        return np.arange(len(x))
    along = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))])
    return np.unique(np.searchsorted(along, np.linspace(0.0, along[-1], _MOST_POINTS)).clip(0, len(x) - 1))


def _averaged(points: Sequence[tuple[float, float]]) -> tuple[Float[np.ndarray, "kept"], Float[np.ndarray, "kept"]]:
    """Return the means of at most `_MOST_POINTS` groups of successive points."""
    values = np.asarray(points, np.float64).reshape(-1, 2)
    groups = np.array_split(values, min(len(values), _MOST_POINTS)) if len(values) else []
    means = np.asarray([group.mean(axis=0) for group in groups]).reshape(-1, 2)
    return means[:, 0], means[:, 1]
