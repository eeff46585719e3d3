"""Landmarks of aligned faces, in pixels of the stored squares that descriptors receive."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lfw_jax.data.decoding.crop import CropGeometry
from lfw_jax.data.images import ImageSet
from lfw_jax.faces.align_set import MANIFEST
from lfw_jax.faces.alignment import template
from lfw_jax.faces.detection import Face
from lfw_jax.faces.landmarks import landmarks_in_crops
from lfw_jax.faces.manifest import Row, Rows, write_manifest

GEOMETRY = CropGeometry(112, crop=112 / 160, margin=24)


def aligned(folder: Path, points: list[np.ndarray | None]) -> ImageSet:
    rows, files = [], []
    for index, found in enumerate(points):
        path = folder / "Ada" / f"Ada_{index + 1:04}.jpg"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(np.zeros((160, 160, 3), np.uint8)).save(path)
        face = None if found is None else Face((0, 0, 9, 9), found, 0.9)
        rows.append(Row(f"Ada/{path.name}", str(path), face, 1 if face else 0))
        files.append(path)
    write_manifest(folder / MANIFEST, Rows(rows))
    count = len(points)
    return ImageSet(("Ada",), np.zeros(count, np.int64), np.arange(1, count + 1), files, "files")


def test_a_face_like_the_template_has_its_points_wherever_it_was(tmp_path: Path):
    turn = 1.7 * np.array([[np.cos(0.3), -np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]])
    images = aligned(tmp_path, [template(112) @ turn.T + (31, -8), None])
    found = landmarks_in_crops(images, GEOMETRY)
    np.testing.assert_allclose(found[0], template(112) + 24, atol=0.01)  # the manifest has three decimals
    np.testing.assert_allclose(found[1], template(112) + 24)


def test_the_nose_of_a_turned_head_lies_beside_that_of_the_template(tmp_path: Path):
    turned = template(112).copy()
    turned[2, 0] += 10
    (found,) = landmarks_in_crops(aligned(tmp_path, [turned]), GEOMETRY)
    assert found[2, 0] - found[[0, 1], 0].mean() == pytest.approx(turned[2, 0] - turned[[0, 1], 0].mean(), rel=0.05)


def test_points_scale_with_the_input_and_images_without_a_manifest_get_the_template(tmp_path: Path):
    images = dataclasses.replace(
        aligned(tmp_path, [template(112)]), images=np.zeros((1, 80, 80, 3), np.uint8), storage="pixels"
    )
    (found,) = landmarks_in_crops(images, CropGeometry(56, margin=12))
    np.testing.assert_allclose(found, (template(112) + 0.5) / 2 - 0.5 + 12)
