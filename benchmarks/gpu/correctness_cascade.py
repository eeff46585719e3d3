"""Comparison of the faces that the JAX cascade finds on the accelerator and on a CPU."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from benchmarks.gpu.cascade_reference import CascadeReference, content_crc, pixels_crc, read_cascade_reference
from benchmarks.gpu.correctness_comparison import AGREES, DIFFERS, TIES
from lfw_jax.data.decoding.whole import decode_whole
from lfw_jax.data.formats.array import read_array
from lfw_jax.data.images import ImageSet
from lfw_jax.errors import UserError
from lfw_jax.faces.cascade.detector import CascadeDetector
from lfw_jax.faces.detection import Face

# The tests hold the cascade to within 0.01 pixels of the mtcnn package, and on LFW it was within 0.0002 of it with exact
# scores. Two candidates within a rounding of one another, or an overlap within one of its bound, may fall the other way, and
# a face then comes from another candidate: a matter of ties while it happens in few images.
PIXELS, SCORES, SHARE_OF_TIES = 0.01, 1e-4, 0.02

_ACCELERATOR_BATCH, _CPU_BATCH = 256, 3  # no batch of the reference, which has 32 or all images


def measure_cascade(data: Path) -> dict[str, Any]:
    """Compare the cascade's faces with the reference that lies beside the data file.

    Args:
      data: the data file; `originals.npz` and `cascade_reference.npz` lie beside it.

    Returns:
      Figures: numbers of faces, the largest differences in pixels and of scores, and the verdict.

    Raises:
      UserError: a file that is missing or damaged, or originals that the reference was not made of.
    """
    originals, path = read_array(data.parent / "originals.npz"), data.parent / "cascade_reference.npz"
    reference = read_cascade_reference(path)
    _check_originals(originals, reference, path)
    images = [decode_whole(originals.images[place]) for place in range(len(reference.counts))]
    device = jax.devices()[0]
    batch = min(_CPU_BATCH if device.platform == "cpu" else _ACCELERATOR_BATCH, len(images))
    here, there = f"JAX {jax.__version__}, {device.device_kind} ({device.platform})", ", ".join(reference.made_with)
    compared = f"{here}, batches of {batch} against {there}"
    print(f"{len(images)} images: {compared}", flush=True)
    began = time.perf_counter()
    found = CascadeDetector(batch)(images)
    seconds = time.perf_counter() - began
    expected = [reference.faces(place) for place in range(len(images))]
    figures = compare_faces(expected, found)
    decoded = sum(pixels_crc(image) != crc for image, crc in zip(images, reference.pixels.tolist(), strict=True))
    print(
        f"{figures['verdict']}: {figures['faces']} faces, {figures['faces_expected']} expected; boxes within "
        f"{figures['box_error']:.2g}, points within {figures['points_error']:.2g} pixels, scores within "
        f"{figures['score_error']:.2g}; {decoded} images decoded to other pixels"
    )
    return {
        "compared": compared,
        "tolerance": {"pixels": PIXELS, "scores": SCORES, "share_of_ties": SHARE_OF_TIES},
        **figures,
        "images_decoded_to_other_pixels": decoded,
        "seconds_with_compilation": round(seconds, 2),
    }


def compare_faces(expected: Sequence[Sequence[Face]], found: Sequence[Sequence[Face]]) -> dict[str, Any]:
    """Compare the faces of images, matched by their boxes.

    Scores are not used for matching, because equal scores have no order.

    Args:
      expected: Faces of each image in the reference.
      found: Faces of each image from the tested device.

    Returns:
      The verdict; counts; images with another number of faces and images with a face beyond the tolerance; the
      largest differences over the images with as many faces, and those of 99 % of the faces.
    """
    boxes, points, scores, miscounted, beyond = [], [], [], [], []
    for place, (right, other) in enumerate(zip(expected, found, strict=True)):
        if len(right) != len(other):
            miscounted.append(place)
            continue
        if not right:
            continue
        apart = np.abs(np.array([f.box for f in right])[:, None] - np.array([f.box for f in other])[None]).max(axis=2)
        match = apart.argmin(axis=1)
        boxes.append(apart.min(axis=1))
        points.append([np.abs(f.points - other[k].points).max() for f, k in zip(right, match, strict=True)])
        scores.append([abs(f.score - other[k].score) for f, k in zip(right, match, strict=True)])
        near = np.maximum(boxes[-1], points[-1]).max() <= PIXELS and max(scores[-1]) <= SCORES
        if not near or len(set(match.tolist())) < len(match):
            beyond.append(place)
    odd = len(miscounted) + len(beyond)
    verdict = AGREES if not odd else TIES if odd <= SHARE_OF_TIES * len(expected) else DIFFERS
    if not any(map(len, expected)):
        verdict = DIFFERS  # there was nothing to compare
    figures: dict[str, Any] = {
        "verdict": verdict,
        "images": len(expected),
        "faces_expected": sum(map(len, expected)),
        "faces": sum(map(len, found)),
        "images_with_other_counts": miscounted,
        "images_beyond_tolerance": beyond,
    }
    for name, parts in {"box": boxes, "points": points, "score": scores}.items():
        values = np.concatenate(parts) if parts else np.zeros(1)
        figures[f"{name}_error"] = float(values.max())
        figures[f"{name}_error_of_99_percent"] = float(np.quantile(values, 0.99))
    return figures


def _check_originals(originals: ImageSet, reference: CascadeReference, path: Path) -> None:
    count = len(reference.counts)
    if count > len(originals):
        raise UserError(
            f"{path}: holds the faces of {count} images, but originals.npz beside it has {len(originals)}; copy the bundle "
            "whole."
        )
    for place, crc in enumerate(reference.contents.tolist()):
        if content_crc(originals, place) != crc:
            raise UserError(
                f"{path}: was made of other images: {originals.describe(place)} is not the one it knows; copy the bundle whole."
            )
