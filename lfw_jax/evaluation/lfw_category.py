"""LFW's category of a result: which data from outside LFW contributed to it."""

from collections.abc import Mapping
from typing import Any

NO_OUTSIDE_DATA = "unrestricted, no outside data"
LABEL_FREE = "unrestricted, label-free outside data"
LABELLED = "unrestricted, labelled outside data"

LEARNED_ON_LFW = ("congealing",)
"""Alignments (`config.align.engine`) that are learned on LFW's own training images, without a detector."""

_VIEWS = ("view1", "view2")
_ALIGNED_FORMATS = ("rec", "bin")  # InsightFace's formats hold faces that a detector aligned


def category_of(config: Mapping[str, Any], *, aligned_by: str = "") -> str | None:
    """Return the category of LFW's results page in which a result belongs.

    All categories are unrestricted, because identities of training images are used. A detector is label-free outside data:
    it was trained on images from outside LFW, without their identities.

    Source: LFW's results page, "Unrestricted" protocols (Huang & Learned-Miller 2014, UM-CS-2014-003).

    Args:
      config: the whole configuration.
      aligned_by: the method that aligned the images before the run, such as "mtcnn 1.0.0"; "" if there is no sign of any.

    Returns:
      The category; None for other protocols than LFW's views, whose images need not be LFW's.
    """
    data = config["data"]
    if data["protocol"] not in _VIEWS:
        return None
    if data["source"] == "synthetic":
        return LABELLED
    methods = [aligned_by] if aligned_by else []
    if data["align"]:
        methods.append(config["align"]["engine"])
    if data["source"] in _ALIGNED_FORMATS:
        methods.append(data["source"])
    return NO_OUTSIDE_DATA if all(method.startswith(LEARNED_ON_LFW) for method in methods) else LABEL_FREE
