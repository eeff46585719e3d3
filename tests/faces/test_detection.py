"""Detection: the right face of several, nothing dropped, and the real cascade on real faces."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lfw_jax.faces.alignment import centre_crop, template
from lfw_jax.faces.detection import Detector, Face, aligned, nearest_to_centre


def face_at(x: float, y: float, score: float = 0.9) -> Face:
    return Face((x - 40, y - 40, x + 40, y + 40), template() + np.array((x - 56, y - 72)), score)


def test_the_face_nearest_to_the_centre_is_taken_not_the_surest():
    behind, subject = face_at(60, 60, 0.999), face_at(130, 120, 0.8)
    assert nearest_to_centre([behind, subject], 250, 250) is subject
    assert nearest_to_centre([], 250, 250) is None


class Blind(Detector):
    """Finds what it is told to."""

    def __init__(self, found: Sequence[list[Face]]):
        self.found = found

    def __call__(self, images: Sequence[np.ndarray]) -> list[list[Face]]:
        assert len(images) == len(self.found)
        return list(self.found)


def test_an_image_without_a_face_gives_its_centre_and_is_marked():
    images = list(np.random.default_rng(0).integers(0, 256, (3, 250, 250, 3), np.uint8))
    coinciding = Face((0, 0, 5, 5), np.full((5, 2), 3.0), 0.9)
    (first, found), (second, missed), (third, degenerate) = aligned(
        images, Blind([[face_at(125, 125)], [], [coinciding]])
    )
    assert found is not None
    assert missed is None
    assert degenerate is None
    np.testing.assert_array_equal(second, centre_crop(images[1]))
    np.testing.assert_array_equal(third, centre_crop(images[2]))
    assert not np.array_equal(first, centre_crop(images[0]))


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector()


def test_images_without_faces_are_no_error(detector: Detector):
    assert detector([]) == []
    blank = np.zeros((120, 120, 3), np.uint8)
    assert detector([blank]) == [[]]
    assert detector([blank, blank]) == [[], []]
    assert detector([blank[:10, :10], blank]) == [[], []]


def test_real_faces_are_found_in_a_batch_and_brought_to_the_template(lfw_dir: Path, detector: Detector):
    files = sorted(lfw_dir.glob("*/*_0001.jpg"))[:200:25]
    images = [np.asarray(Image.open(file).convert("RGB")) for file in files]
    results = aligned(images, detector)
    faces = [face for _, face in results]
    assert all(face is not None for face in faces)
    for image, face in zip(images, faces, strict=True):
        assert np.hypot(face.centre[0] - 125, face.centre[1] - 125) < 40
        assert 0.7 < face.score <= 1
        left_eye, right_eye, nose, left_mouth, right_mouth = face.points
        assert left_eye[0] < right_eye[0]
        assert left_mouth[0] < right_mouth[0]
        assert left_eye[1] < nose[1] < left_mouth[1]
        assert image.shape == (250, 250, 3)
    # A face aligned once is at the template: detecting it again in its crop (with room around) moves it by little.
    again = detector([np.pad(crop, ((60, 60), (60, 60), (0, 0))) for crop, _ in results])
    moved = [np.abs(nearest_to_centre(found, 232, 232).points - 60 - template()).mean() for found in again if found]
    assert len(moved) >= 6
    assert np.median(moved) < 3
