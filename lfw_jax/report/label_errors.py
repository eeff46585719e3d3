"""The section of likely label errors, with their images."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Int, UInt8

from lfw_jax.evaluation.diagnosis.label_errors import LabelErrors, SuspectPair
from lfw_jax.evaluation.scores import ScoredPairs
from lfw_jax.report.diagnosis_section import label_errors_text
from lfw_jax.report.figures import pair_gallery
from lfw_jax.report.page import Section


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
        chosen = np.array([suspect.pair for suspect in errors.pairs])
        rows += [
            [_names(pairs, suspect), f"{suspect.labelled} identity", f"{suspect.distance:.3f}"]
            for suspect in errors.pairs
        ]
        captions = [f"labelled {suspect.labelled}, {suspect.distance:.2f}" for suspect in errors.pairs]
        first, second = (images[side[chosen]] for side in indices)
        figures.append(
            ("Pairs whose distance contradicts their label.", pair_gallery(first, second, captions, "Pairs"))
        )
    if errors.images:
        left = images[[index_of[item.identity, item.number] for item in errors.images]]
        right = images[[index_of[item.neighbour, item.neighbour_number] for item in errors.images]]
        captions = [f"{item.identity} | {item.neighbour}, {item.distance:.2f}" for item in errors.images]
        for item in errors.images:
            rows.append([f"{item.identity} {item.number}", f"near {item.neighbour}", f"{item.distance:.3f}"])
        caption = "Images (left) whose nearest neighbours are all of one other identity; the nearest (right)."
        figures.append((caption, pair_gallery(left, right, captions, "Images")))
    return Section("Likely label errors", label_errors_text(errors), rows if len(rows) > 1 else None, figures)


def _names(pairs: ScoredPairs, suspect: SuspectPair) -> str:
    """Return the two images of a pair by name, or the number of the pair in the list, from 1."""
    if pairs.identities is None or pairs.images is None:
        return f"pair {suspect.pair + 1}"
    names, numbers = pairs.identities[suspect.pair], pairs.images[suspect.pair]
    return " and ".join(f"{name} {number}" for name, number in zip(names, numbers, strict=True))
