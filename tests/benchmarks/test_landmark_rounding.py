"""Differences between crops by rounded and by sub-pixel landmarks, of a detector whose points are known."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.landmark_rounding import differences
from lfw_jax.data.formats.folder import read_folder
from lfw_jax.data.images import ImageSet
from lfw_jax.faces.alignment import template
from lfw_jax.faces.crops import CropSettings
from lfw_jax.faces.detection import Face


def test_a_face_off_the_grid_by_a_third_of_a_pixel_moves_by_it(tmp_path: Path):
    images = np.random.default_rng(0).integers(0, 256, (3, 150, 150, 3), np.uint8)
    two = ImageSet(("Ann", "Bo"), np.array([0, 0, 1]), np.array([1, 2, 1]), images, "pixels")
    whole = np.round(template() + 20)

    def detect(batch):
        face = Face((20, 20, 130, 130), whole + np.array((0.3, 0.0)), 0.9)
        return [[face], [face], []][: len(batch)]

    found = differences(two, detect, CropSettings(), str(tmp_path))
    np.testing.assert_allclose(found["landmarks"], np.full(10, 0.3))
    np.testing.assert_allclose(found["displacement"], found["displacement"][0], rtol=1e-4)
    assert found["displacement"][0] == pytest.approx(0.3, rel=0.02)  # the template is a little larger or smaller
    np.testing.assert_allclose([*found["rotation"], *found["scale"]], 0, atol=1e-9)
    assert (found["grey"] > 5).all()
    subpixel, rounded = (read_folder(tmp_path / kind) for kind in ("subpixel", "rounded"))
    assert len(subpixel) == len(rounded) == 3
    different = [
        one.read_bytes() != other.read_bytes() for one, other in zip(subpixel.images, rounded.images, strict=True)
    ]
    assert different == [True, True, False]  # the last one has no face
