"""The page of the service: its files, and what its script needs to know."""

from functools import cache
from importlib import resources
from typing import Any

from fastapi import APIRouter, Response

from lfw_jax.inference.model.alignment import alignment_of
from lfw_jax.inference.model.card import ModelCard
from lfw_jax.report.chart import Axis, Chart, Series
from lfw_jax.report.charts.scales import horizontal_scale
from lfw_jax.report.charts.svg import chart_svg, sizes_of
from lfw_jax.report.page_assets import asset as report_asset
from lfw_jax.report.run_charts import EUCLIDEAN
from lfw_jax.serving.service import Service
from lfw_jax.typed_json import to_json

PAGE_FILES = {
    "/": ("page.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
    "/photos.js": ("photos.js", "text/javascript"),
    "/result.js": ("result.js", "text/javascript"),
}
"""The files of the page by their paths. They hold nothing of the model, and need no token: the page asks for it."""

_SHARED = ("page.css", "chart.css")  # of the reports, whose look the page has


def page_routes(service: Service) -> APIRouter:
    """Return the routes of the page.

    Args:
      service: the service.
    """
    router = APIRouter()
    content = about(service)

    def serve(path: str, name: str, kind: str) -> None:
        @router.get(path, include_in_schema=False)
        async def file() -> Response:
            return Response(asset(name), media_type=kind)

    for path, (name, kind) in PAGE_FILES.items():
        serve(path, name, kind)

    @router.get("/about", include_in_schema=False)
    async def describe() -> dict[str, Any]:
        return content

    return router


@cache
def asset(name: str) -> str:
    """Return the text of a file of the page; the style begins with that of the reports.

    Args:
      name: its name.
    """
    own = resources.files("lfw_jax.serving.assets").joinpath(name).read_text(encoding="utf-8")
    return "\n".join([*map(report_asset, _SHARED), own]) if name == "page.css" else own


def about(service: Service) -> dict[str, Any]:
    """Return what the script of the page needs to know.

    Args:
      service: the service.
    """
    card, limits = service.card, service.limits
    chart = distance_chart(card)
    scale = horizontal_scale(chart)
    return {
        "name": card.name,
        "fmr": service.fmr,
        "gallery": None if service.gallery is None else len(service.gallery),
        "whole": alignment_of(card.system) is None,
        "photoBytes": limits.photo_bytes,
        "test": to_json(card.test),
        "training": to_json(card.training),
        "limits": list(card.limits),
        "licence": card.licence,
        "curve": [to_json(point) for point in sorted(card.curve, key=lambda point: -point.target_rate)],
        "comparisons": card.calibration.result.test_comparisons,
        "charts": [chart_svg(chart, size, "distances") for size in sizes_of(chart)],
        "range": [scale.low, scale.high],
    }


def distance_chart(card: ModelCard) -> Chart:
    """Return the histogram of the distances of the test pairs.

    The page marks a distance and a threshold in it.

    Args:
      card: the card of the model.
    """
    histogram, test = card.histogram, card.test
    used = [index for index in range(len(histogram.same)) if histogram.same[index] or histogram.different[index]]
    stop = (used[-1] if used else len(histogram.same) - 1) + 1
    edges = histogram.edges[: stop + 1]
    return Chart(
        title=f"Distances of the {test.pairs:,} test pairs",
        x=Axis(EUCLIDEAN, limits=(edges[0], edges[-1])),
        y=Axis(f"pairs per {edges[1] - edges[0]:.3g}"),
        series=[
            Series(f"same identity ({sum(histogram.same):,})", edges, histogram.same[:stop], "bars", "same"),
            Series(
                f"different identities ({sum(histogram.different):,})",
                edges,
                histogram.different[:stop],
                "bars",
                "different",
            ),
        ],
        key="distances",
    )
