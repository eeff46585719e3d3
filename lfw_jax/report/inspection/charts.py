"""Charts of a data set: images per identity, concentration of images, sizes of images."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Int

from lfw_jax.report.chart import Axis, Chart, Series
from lfw_jax.report.inspection.values import range_of

_LOG_FROM = 50  # up to this ratio of bars a linear axis shows the smallest one; beyond, the axis is logarithmic
_POINTS = 400  # of the curve of concentration; more would not be visible


def images_per_identity(histogram: Sequence[Mapping[str, int]]) -> Chart:
    """Return the histogram of images per identity.

    Args:
      histogram: bins with `from`, `to` and `identities`.
    """
    identities = [row["identities"] for row in histogram]
    smallest = min((count for count in identities if count), default=1)
    return Chart(
        title="Images per identity",
        x=Axis("images per identity", names=[range_of(row) for row in histogram]),
        y=Axis("identities", scale="log" if max(identities) > _LOG_FROM * smallest else "linear"),
        series=[Series("identities", range(len(identities) + 1), identities, "bars", "first")],
        key="images-per-identity",
    )


def image_concentration(counts: Int[np.ndarray, "identities"]) -> Chart:
    """Return the share of all images that belongs to the identities with the most images.

    Args:
      counts: `[identities]`, the number of images of each identity.
    """
    owned = np.concatenate([[0], np.cumsum(np.sort(counts)[::-1])]) / counts.sum()
    share = np.linspace(0, 1, len(owned))
    kept = np.unique(np.linspace(0, len(owned) - 1, _POINTS).astype(int))
    return Chart(
        title="Concentration of images",
        x=Axis("identities, by falling number of images", limits=(0.0, 1.0), percent=True),
        y=Axis("share of all images", limits=(0.0, 1.0), percent=True),
        series=[Series("share of all images", share[kept].tolist(), owned[kept].tolist(), role="first")],
        diagonal=True,
        key="concentration",
    )


def image_sides(shorter: Int[np.ndarray, "images"], needed: int) -> Chart:
    """Return the distribution of the shorter sides of the images.

    Args:
      shorter: `[images]`, the shorter side of each image in pixels.
      needed: the smallest side that need not be enlarged for the network.
    """
    low, high = max(1, int(shorter.min())), max(int(shorter.max()), 2)
    edges = np.unique(np.geomspace(low, high + 1, 40).round())
    counts = np.histogram(shorter, edges)[0]
    return Chart(
        title="Sizes of the images",
        x=Axis("shorter side (pixels)", scale="log"),
        y=Axis("images"),
        series=[Series("images", edges.tolist(), counts.tolist(), "bars", "first")],
        verticals=[("smaller images are enlarged, pixels", needed)],
        key="sizes",
    )
