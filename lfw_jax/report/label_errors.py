"""The section of likely label errors, with their images."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Int, UInt8

from lfw_jax.evaluation.diagnosis.label_errors import LabelErrors, SuspectPair
from lfw_jax.evaluation.scores import ScoredPairs
from lfw_jax.report.diagnosis_section import label_errors_text
from lfw_jax.report.gallery import Gallery, PicturePair
from lfw_jax.report.page import Section
from lfw_jax.report.thumbnails import jpeg_file


def label_errors_section(
    errors: LabelErrors,
    pairs: ScoredPairs,
    images: UInt8[np.ndarray, "images height width 3"],
    indices: tuple[Int[np.ndarray, "pairs"], Int[np.ndarray, "pairs"]],
    index_of: Mapping[tuple[str, int], int],
) -> Section:
    """Return the section of likely label errors: a table, and each suspect with its counterpart.

    Args:
      errors: the likely label errors.
      pairs: the scored pairs.
      images: the distinct images of the pairs.
      indices: the indices in `images` of the first and of the second image of each pair.
      index_of: the index in `images` of each identity's numbered image.
    """
    rows, figures = [["Suspect", "Label", "Distance"]], []
    if errors.pairs:
        gallery = []
        for suspect in errors.pairs:
            first, second = (jpeg_file(images[side[suspect.pair]]) for side in indices)
            names = _names(pairs, suspect)
            rows.append([" and ".join(names), f"{suspect.labelled} identity", f"{suspect.distance:.3f}"])
            caption = f"labelled {suspect.labelled}, {suspect.distance:.2f}: {', '.join(names)}"
            gallery.append(PicturePair(first, second, caption, names))
        figures.append(("Pairs whose distance contradicts their label.", Gallery(gallery)))
    if errors.images:
        gallery = []
        for item in errors.images:
            names = (f"{item.identity} {item.number}", f"{item.neighbour} {item.neighbour_number}")
            left, right = index_of[item.identity, item.number], index_of[item.neighbour, item.neighbour_number]
            rows.append([names[0], f"near {item.neighbour}", f"{item.distance:.3f}"])
            caption = f"{item.distance:.2f}: {', '.join(names)}"
            gallery.append(PicturePair(jpeg_file(images[left]), jpeg_file(images[right]), caption, names))
        caption = "Images (left) whose nearest neighbours are all of one other identity; the nearest (right)."
        figures.append((caption, Gallery(gallery)))
    return Section("Likely label errors", label_errors_text(errors), rows if len(rows) > 1 else None, figures)


def _names(pairs: ScoredPairs, suspect: SuspectPair) -> tuple[str, str]:
    """Return the two images of a pair by name, or by the number of the pair in the list, from 1."""
    if pairs.identities is None or pairs.images is None:
        return f"first image of pair {suspect.pair + 1}", "second image"
    names, numbers = pairs.identities[suspect.pair].tolist(), pairs.images[suspect.pair].tolist()
    return f"{names[0]} {numbers[0]}", f"{names[1]} {numbers[1]}"
