"""Attributes of images: sharpness as OpenCV has it, and faces from the manifest."""

import cv2
import numpy as np

from lfw_jax.data.images import ImageSet
from lfw_jax.faces.detection import Face
from lfw_jax.faces.manifest import Row, Rows, write_manifest
from lfw_jax.inference.image_attributes import image_attributes, sharpness


def test_sharpness_is_the_variance_of_opencvs_laplacian_inside_the_border():
    images = np.random.default_rng(0).integers(0, 256, (3, 12, 10, 3), dtype=np.uint8)
    for image, value in zip(images, sharpness(images), strict=True):
        grey = (image @ np.array([0.299, 0.587, 0.114])).astype(np.float64)
        expected = cv2.Laplacian(grey, cv2.CV_64F)[1:-1, 1:-1].var()
        np.testing.assert_allclose(value, expected, rtol=1e-4)


def test_a_blurred_image_is_less_sharp_and_a_ramp_has_no_sharpness():
    image = np.random.default_rng(1).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    ramp = np.repeat(np.arange(32, dtype=np.uint8)[:, None, None] * 8, 32, axis=1) * np.ones(3, np.uint8)
    found = sharpness(np.stack([image, cv2.GaussianBlur(image, (5, 5), 1.0), ramp]))
    assert found[0] > 10 * found[1] > 0
    assert found[2] < 1e-6


def test_attributes_come_from_the_crop_and_the_manifest(tmp_path):
    points = np.array([(30.0, 40.0), (70.0, 40.0), (40.0, 60.0), (35.0, 80.0), (65.0, 80.0)])
    images = ImageSet(
        ("Ann",), np.zeros(2, int), np.arange(2), [tmp_path / "Ann" / f"{i}.jpg" for i in (1, 2)], "files"
    )
    pixels = np.zeros((2, 12, 12, 3), np.uint8)
    pixels[:, :2] = 255  # only in the margin
    found, missing = image_attributes(images, pixels, 2)
    assert list(found) == ["sharpness"]
    np.testing.assert_array_equal(found["sharpness"].values, 0)
    assert "face size, pose and detection score" in missing[0]
    rows = [Row("Ann/1.jpg", "a", Face((0, 0, 30, 30), points, 0.8), 1), Row("Ann/2.jpg", "b", None, 0)]
    write_manifest(tmp_path / "manifest.csv", Rows(rows))
    found, missing = image_attributes(images, pixels, 2)
    assert missing == ()
    values = {key: attribute.values.tolist() for key, attribute in found.items() if key != "sharpness"}
    assert {key: first for key, (first, _) in values.items()} == {
        "face_size": 30.0,
        "yaw": 0.25,
        "roll": 0.0,
        "score": 0.8,
    }
    assert all(np.isnan(second) for _, second in values.values())
