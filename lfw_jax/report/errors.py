"""The section of the worst errors, with their images."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int, UInt8

from lfw_jax.evaluation.diagnosis.worst_errors import WorstErrors
from lfw_jax.evaluation.scores import ScoredPairs
from lfw_jax.report.gallery import Gallery, PicturePair
from lfw_jax.report.page import Section
from lfw_jax.report.thumbnails import jpeg_file

_SHOWN = {"false matches": "nearest", "false non-matches": "farthest"}


def errors_section(
    errors: Sequence[WorstErrors],
    pairs: ScoredPairs,
    threshold: float,
    images: UInt8[np.ndarray, "images height width 3"],
    indices: tuple[Int[np.ndarray, "pairs"], Int[np.ndarray, "pairs"]],
) -> Section:
    """Return the section of the worst errors: a gallery per kind.

    Args:
      errors: the errors of each kind; a kind without errors has no gallery.
      pairs: the scored pairs.
      threshold: the threshold at which the errors occur.
      images: the distinct images of the pairs.
      indices: the indices in `images` of the first and of the second image of each pair.
    """
    first, second = indices
    figures = []
    for group in errors:
        if len(group.indices):
            shown = f"the {_SHOWN[group.kind]} shown with their distances"
            gallery = Gallery(
                [
                    _pictures(pairs, index, images[first[index]], images[second[index]])
                    for index in group.indices.tolist()
                ]
            )
            figures.append((f"{group.kind.capitalize()}: {group.count} of {group.of} pairs, {shown}.", gallery))
    if not figures:
        return Section("The worst errors", "No pair is classified wrongly.")
    text = (
        f"Pairs that are classified wrongly at the threshold {threshold:.3f}, the largest errors first. Common causes are pose, "
        "light, age, a second face in the image, and wrong labels."
    )
    return Section("The worst errors", text, None, figures)


def _pictures(
    pairs: ScoredPairs,
    index: int,
    first: UInt8[np.ndarray, "height width 3"],
    second: UInt8[np.ndarray, "height width 3"],
) -> PicturePair:
    names = ("first image", "second image")
    distance = f"{pairs.distances[index]:.2f}"
    if pairs.identities is None:
        return PicturePair(jpeg_file(first), jpeg_file(second), distance, names)
    numbers = ("", "") if pairs.images is None else tuple(f" {number}" for number in pairs.images[index].tolist())
    one, two = (f"{name}{number}" for name, number in zip(pairs.identities[index].tolist(), numbers, strict=True))
    return PicturePair(jpeg_file(first), jpeg_file(second), f"{distance}: {one}, {two}", (one, two))
