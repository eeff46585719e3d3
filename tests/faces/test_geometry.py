"""Size, pose and score of faces, and their images in the manifest."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from lfw_jax.data.images import ImageSet
from lfw_jax.faces.alignment import template
from lfw_jax.faces.detection import Face
from lfw_jax.faces.geometry import aligned_faces, face_geometry
from lfw_jax.faces.manifest import Row, Rows, write_manifest

FRONTAL = np.array([(30.0, 40.0), (70.0, 40.0), (50.0, 60.0), (35.0, 80.0), (65.0, 80.0)])
BOX = (20.0, 10.0, 80.0, 110.0)


def rotated(points: np.ndarray, degrees: float) -> np.ndarray:
    angle = np.radians(degrees)
    return points @ np.array([(np.cos(angle), np.sin(angle)), (-np.sin(angle), np.cos(angle))])


def test_a_frontal_face_has_no_yaw_and_no_roll():
    found = face_geometry([Face(BOX, FRONTAL, 0.98)])
    assert (found.yaw[0], found.roll[0], found.score[0]) == (0.0, 0.0, 0.98)
    assert found.size[0] == pytest.approx(np.sqrt(60 * 100))


@pytest.mark.parametrize("degrees", [-40.0, 15.0, 80.0])
def test_a_rotation_changes_roll_alone(degrees):
    turned = FRONTAL.copy()
    turned[2, 0] += 10  # a quarter of the distance of the eyes
    found = face_geometry([Face(BOX, rotated(turned, degrees), 0.9), Face(BOX, 3 * rotated(turned, degrees), 0.9)])
    np.testing.assert_allclose(found.roll, degrees)
    np.testing.assert_allclose(found.yaw, 0.25)


def test_a_nose_above_an_eye_has_half_a_distance_with_the_sign_of_its_side():
    left = FRONTAL.copy()
    left[2, 0] = 30.0
    assert face_geometry([Face(BOX, left, 0.9)]).yaw[0] == -0.5
    assert abs(face_geometry([Face(BOX, template(), 0.9)]).yaw[0]) < 0.01


def test_no_face_has_no_measures_and_equal_eyes_have_no_yaw():
    same = FRONTAL.copy()
    same[1] = same[0]
    found = face_geometry([None, Face(BOX, same, 0.5)])
    assert np.isnan([found.size[0], found.yaw[0], found.roll[0], found.score[0], found.yaw[1]]).all()
    assert found.score[1] == 0.5


def images_in(folder: Path) -> ImageSet:
    files = [folder / "Ann" / "1.jpg", folder / "Ann" / "2.jpg", folder / "Bob" / "1.jpg"]
    return ImageSet(("Ann", "Bob"), np.array([0, 0, 1]), np.array([1, 2, 1]), files, "files")


def test_faces_are_found_in_the_manifest_beside_the_images(tmp_path):
    rows = [
        Row("Bob/1.jpg", "b", Face(BOX, FRONTAL, 0.7), 1),
        Row("Cid/1.jpg", "c", Face(BOX, FRONTAL, 0.6), 1),
        Row("Ann/2.jpg", "a2", None, 0),
        Row("Ann/1.jpg", "a1", Face(BOX, FRONTAL, 0.9), 1),
    ]
    write_manifest(tmp_path / "manifest.csv", Rows(rows))
    found = aligned_faces(images_in(tmp_path))
    assert found is not None
    assert [face.score if face else None for face in found] == [0.9, None, 0.7]
    write_manifest(tmp_path / "manifest.csv", Rows(rows[:3]))
    assert aligned_faces(images_in(tmp_path)) is None


def test_images_without_a_manifest_have_no_known_faces(tmp_path):
    images = images_in(tmp_path)
    assert aligned_faces(images) is None
    pixels = dataclasses.replace(images, images=np.zeros((3, 8, 8, 3), np.uint8), storage="pixels")
    assert aligned_faces(pixels) is None
