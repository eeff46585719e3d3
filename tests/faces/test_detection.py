"""Detection: the right face of several, the package's own results, and the real cascade on real faces."""

from pathlib import Path

import numpy as np
import pytest

from lfw_jax.data.decoding.whole import decode_whole
from lfw_jax.data.synthetic import write_folder
from lfw_jax.faces import engines
from lfw_jax.faces.alignment import template
from lfw_jax.faces.crops import CropSettings, crop_faces
from lfw_jax.faces.detection import Detector, Face, choose_face
from lfw_jax.faces.engines import make_detector


def face_at(x: float, y: float, score: float = 0.9, half: float = 40) -> Face:
    return Face((x - half, y - half, x + half, y + half), template() + np.array((x - 56, y - 72)), score)


def test_of_several_faces_the_rule_decides():
    behind, subject, large = face_at(60, 60, 0.999), face_at(130, 120, 0.8), face_at(200, 200, 0.9, half=60)
    faces = [behind, large, subject]
    assert choose_face(faces, 250, 250) is subject
    assert choose_face(faces, 250, 250, "largest") is large
    assert choose_face(faces, 250, 250, "best") is behind
    assert choose_face([], 250, 250) is None


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector()


def test_images_without_faces_are_no_error(detector: Detector):
    assert detector([]) == []
    blank = np.zeros((120, 120, 3), np.uint8)
    assert detector([blank]) == [[]]
    assert detector([blank, blank]) == [[], []]
    assert detector([blank[:10, :10], blank, blank[:1, :1]]) == [[], [], []]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> list[np.ndarray]:
    folder = write_folder(tmp_path_factory.mktemp("drawn") / "faces", people=8, images_per_person=2, side=160, seed=3)
    return [decode_whole(file) for file in sorted(folder.glob("*/*.jpg"))]


@pytest.fixture(scope="module")
def package(original):
    return original()


def check_against_the_package(package, detector: Detector, images: list[np.ndarray]):
    rows = package.detect_faces(images, output_type="numpy", box_format="xyxy")
    expected = rows[np.argsort(rows[:, 0], kind="stable")]
    found = [(place, face) for place, faces in enumerate(detector(images)) for face in faces]
    assert len(found) == len(expected)
    for row, (place, face) in zip(expected, found, strict=True):
        assert row[0] == place
        np.testing.assert_allclose(face.box, row[1:5], atol=0.01)
        np.testing.assert_allclose(face.points, row[6:].reshape(2, 5).T, atol=0.01)
        assert face.score == pytest.approx(row[5], abs=1e-4)


def test_drawn_faces_are_found_where_the_package_finds_them(package, detector: Detector, drawn: list[np.ndarray]):
    assert sum(map(len, detector(drawn))) > len(drawn) / 2  # else the comparison says little
    check_against_the_package(package, detector, drawn)


def test_crops_are_made_from_points_between_pixels(
    package, detector: Detector, drawn: list[np.ndarray], assert_subpixel_crops
):
    assert_subpixel_crops(package, detector, drawn)


def test_real_faces_are_found_where_the_package_finds_them(lfw_dir: Path, package, detector: Detector):
    files = sorted(lfw_dir.glob("*/*_0001.jpg"))[:640:20]
    check_against_the_package(package, detector, [decode_whole(file) for file in files])


def test_images_of_other_sizes_in_a_call_change_nothing(detector: Detector, drawn: list[np.ndarray]):
    mixed = [drawn[0], np.pad(drawn[1], ((30, 10), (0, 20), (0, 0))), drawn[2], drawn[3][:100, :130]]
    together = detector(mixed)
    for image, faces in zip(mixed, together, strict=True):
        (alone,) = detector([image])
        assert len(alone) == len(faces)
        for one, other in zip(alone, faces, strict=True):
            np.testing.assert_allclose(one.points, other.points, atol=0.01)


def test_real_faces_are_brought_to_the_template(lfw_dir: Path, detector: Detector):
    files = sorted(lfw_dir.glob("*/*_0001.jpg"))[:200:25]
    images = [decode_whole(file) for file in files]
    # With room around, so that the detector sees a face as it is used to.
    settings = CropSettings(margin=40)
    crops = crop_faces(images, detector, settings)
    assert all(crop.face is not None and crop.pixels.shape == (192, 192, 3) for crop in crops)
    again = crop_faces([crop.pixels for crop in crops], detector, settings)
    distances = [np.abs(crop.face.points - template() - 40).mean() for crop in again if crop.face is not None]
    assert len(distances) == len(crops)
    assert np.median(distances) < 4


def test_the_detector_is_that_of_jax_where_tensorflow_is_missing(monkeypatch: pytest.MonkeyPatch):
    assert make_detector("auto") is make_detector("mtcnn") is Detector
    with monkeypatch.context() as patch:
        patch.setattr(engines.importlib.util, "find_spec", lambda *_: None)
        assert make_detector("auto") is not Detector
        assert make_detector("mtcnn") is Detector
