"""DET and ROC charts of the listed pairs and of all pairs of their images."""

from collections.abc import Sequence

from lfw_jax.evaluation.error_rates import det_points
from lfw_jax.evaluation.rate_results import AllPairsResult
from lfw_jax.evaluation.scores import ScoredPairs
from lfw_jax.report.chart import Axis, Chart, Series


def error_rate_charts(pairs: ScoredPairs, all_pairs: AllPairsResult | None) -> list[tuple[str, Chart]]:
    """Return the DET and the ROC chart, of the listed pairs and of all pairs, each with its caption.

    Args:
      pairs: the listed pairs.
      all_pairs: the error rates of all pairs of their images; None to plot the listed pairs alone.
    """
    listed = [
        (match, miss)
        for match, miss in zip(*map(list, det_points(pairs.distances, pairs.same)), strict=True)
        if match > 0
    ]
    curves: list[tuple[str, Sequence[tuple[float, float]]]] = [("listed pairs", listed)]
    if all_pairs and all_pairs.curve:
        curves.append(("all pairs", all_pairs.curve))
    inner = [(name, [point for point in curve if 0 < point[0] < 1 and 0 < point[1] < 1]) for name, curve in curves]
    lowest = min((point[0] for _, curve in curves for point in curve), default=1e-3)
    rate = Axis("false match rate", scale="log", limits=(lowest, 1.0), percent=True)
    det = Chart(
        title=f"DET curve: {pairs.name}",
        x=Axis("false match rate", scale="normal", percent=True),
        y=Axis("false non-match rate", scale="normal", percent=True),
        series=_series(inner),
        key="det",
        follows="fmr-fnmr",
    )
    roc = Chart(
        title=f"ROC curve at low false match rates: {pairs.name}",
        x=rate,
        y=Axis("true match rate", limits=(0.0, 1.0), percent=True),
        series=_series([(name, [(match, 1 - miss) for match, miss in curve]) for name, curve in curves]),
        key="roc-low-rates",
        follows="fmr-tmr",
    )
    return [
        ("FNMR against FMR on axes of normal deviates: normal distributions of scores give a straight line.", det),
        ("True match rate, 1 − FNMR, against FMR. The axis ends where one false match is left.", roc),
    ]


def _series(curves: Sequence[tuple[str, Sequence[tuple[float, float]]]]) -> list[Series]:
    roles = ("first", "second")
    return [
        Series(name, [x for x, _ in curve], [y for _, y in curve], role=role)
        for (name, curve), role in zip(curves, roles, strict=False)
    ]
