"""Crops: nothing dropped, the shape that was asked for, and what no setting may be."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from lfw_jax.errors import UserError
from lfw_jax.faces import aligner as aligner_module
from lfw_jax.faces.alignment import align, centre_crop, template
from lfw_jax.faces.crops import CropSettings, crop_faces
from lfw_jax.faces.detection import Face


def face_at(x: float, y: float, score: float = 0.9, half: float = 40) -> Face:
    return Face((x - half, y - half, x + half, y + half), template() + np.array((x - 56, y - 72)), score)


def told(*found: list[Face]):
    """A detector that finds what it is told to."""

    def detect(images: Sequence[np.ndarray]) -> list[list[Face]]:
        assert len(images) == len(found)
        return list(found)

    return detect


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (250, 250, 3), np.uint8)


def test_an_image_without_a_face_gives_its_centre_and_is_marked(image: np.ndarray):
    coinciding = Face((0, 0, 5, 5), np.full((5, 2), 3.0), 0.9)
    infinite = Face((0, 0, 5, 5), np.full((5, 2), np.inf), 0.9)
    first, missed, degenerate, broken = crop_faces(
        [image] * 4, told([face_at(125, 125)], [], [coinciding], [infinite]), CropSettings()
    )
    assert first.face is not None
    assert first.found == 1
    assert missed.face is None
    assert degenerate.face is None
    assert broken.face is None
    for crop in (missed, degenerate, broken):
        np.testing.assert_array_equal(crop.pixels, centre_crop(image))
    assert not np.array_equal(first.pixels, missed.pixels)


@pytest.mark.parametrize(("height", "width", "margin"), [(112, 112, 0), (112, 96, 0), (224, 224, 0), (56, 48, 7)])
def test_faces_and_fallbacks_have_the_shape_that_was_asked_for(image: np.ndarray, height: int, width: int, margin: int):
    crops = crop_faces([image, image], told([face_at(125, 125)], []), CropSettings(height, width, margin))
    for crop in crops:
        assert crop.pixels.shape == (height + 2 * margin, width + 2 * margin, 3)


def test_a_margin_shows_more_and_moves_nothing(image: np.ndarray):
    detect = told([face_at(120, 130)])
    (plain,), (wide,) = (crop_faces([image], detect, CropSettings(margin=margin)) for margin in (0, 11))
    assert np.abs(wide.pixels[11:-11, 11:-11].astype(int) - plain.pixels).max() <= 1  # Pillow rounds
    (plain,), (wide,) = (crop_faces([image], told([]), CropSettings(margin=margin)) for margin in (0, 11))
    assert np.abs(wide.pixels[11:-11, 11:-11].astype(int) - plain.pixels).max() <= 1


def test_a_fallback_with_a_margin_beyond_the_image_is_black_there(image: np.ndarray):
    (crop,) = crop_faces([image], told([]), CropSettings(margin=20, fallback_crop=1.0))
    assert not crop.pixels[:19].any()
    assert not crop.pixels[:, -19:].any()
    assert crop.pixels[21:-21, 21:-21].any(axis=2).all()


def test_a_face_many_times_larger_than_its_crop_is_averaged_not_picked():
    # Stripes one pixel wide: picking single pixels gives black and white, averaging gives grey.
    image = np.zeros((1200, 1200, 3), np.uint8)
    image[:, ::2] = 255
    points = template() * 8 + 100
    crop = align(image, points)
    assert 100 < crop[20:-20, 20:-20].mean() < 155
    assert crop[20:-20, 20:-20].std() < 20


def test_averaging_first_keeps_points_at_the_template():
    points = template() * 6.3 + (40, 25)
    rows, columns = np.mgrid[:800, :800]
    image = sum(255 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (18 * 6.3**2)) for x, y in points)
    crop = align(np.repeat(image[..., None], 3, 2).clip(0, 255).astype(np.uint8), points)
    for x, y in template():
        near = crop[round(y) - 5 : round(y) + 6, round(x) - 5 : round(x) + 6, 0].astype(float)
        dy, dx = np.mgrid[:11, :11]
        centre = (near * dx).sum() / near.sum() + round(x) - 5, (near * dy).sum() / near.sum() + round(y) - 5
        assert np.hypot(centre[0] - x, centre[1] - y) < 0.35


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"height": 100, "width": 90}, "--config.align.height is 100 and --config.align.width 90"),
        ({"margin": -1}, "--config.align.margin is -1"),
        ({"face": "nearest"}, "--config.align.face is 'nearest'; expected centre, largest, best"),
        ({"fallback_crop": 0.0}, "--config.align.fallback_crop is 0.0"),
    ],
)
def test_settings_that_cannot_be_are_refused(options: dict, message: str):
    with pytest.raises(UserError, match=message):
        CropSettings(**options)


def test_large_pictures_are_looked_at_a_few_at_a_time_and_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(aligner_module, "PIXELS_AT_ONCE", 3 * 100 * 100)
    seen = []

    def detect(images):
        seen.append(len(images))
        return [[] for _ in images]

    def decode(image):
        if image is None:
            raise OSError("no picture")
        return image

    aligner = aligner_module.Aligner(tmp_path, decode, lambda: detect, CropSettings(), "png")
    picture = np.zeros((100, 100, 3), np.uint8)
    images = [picture, None, picture, picture, picture, None, picture]
    rows = aligner([aligner_module.Task(image, f"source {i}", f"Ann/{i}.png") for i, image in enumerate(images)])  # pyright: ignore
    assert seen == [3, 2]
    assert [row.source for row in rows] == [f"source {i}" for i in range(7)]
    assert [row.fault for row in rows] == ["", "no picture", "", "", "", "no picture", ""]
