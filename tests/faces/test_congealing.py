"""Alignment learned without labels: it undoes known transforms, treats mirror images alike, and is kept in a file."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lfw_jax.data.synthetic import draw
from lfw_jax.errors import UserError
from lfw_jax.faces.alignment import template
from lfw_jax.faces.congealing import AlignmentModel, CongealingSettings, estimate_similarities, fit_alignment_model
from lfw_jax.faces.congealing.detector import CongealingDetector, template_in_frame
from lfw_jax.faces.congealing.features import grey_square
from lfw_jax.faces.congealing.pose import MIRRORED, compose, frame_to_image, inverse, linear
from lfw_jax.faces.crops import CropSettings, crop_faces

SETTINGS = CongealingSettings(rounds=2, stages=(1.0, 0.6), ridge=0.03)
SIDE = 118


def blob_faces(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return grey pictures of two eyes and a mouth of random shape at random poses, and these poses."""
    rng = np.random.default_rng(seed)
    poses = rng.standard_normal((count, 4)) * (0.12, 0.08, 0.1, 0.1)
    row, column = np.mgrid[:SIDE, :SIDE]
    pixels = np.stack([column.ravel(), row.ravel()])
    images = np.empty((count, SIDE, SIDE), np.uint8)
    for index in range(count):
        matrix = frame_to_image(poses[index], SIDE, SIDE, SETTINGS.crop)
        x, y = np.linalg.solve(matrix[:, :2], pixels - matrix[:, 2:])
        grey = 110 + 80 * (x**2 / 0.7 + y**2 < 0.8) + 10 * rng.standard_normal()
        for at, low, wide, high in ((-0.35, -0.2, 0.15, 0.07), (0.35, -0.2, 0.15, 0.07), (0, 0.45, 0.25, 0.06)):
            wide, high = np.array([wide, high]) * rng.uniform(0.8, 1.25, 2)
            grey = grey - 70 * np.exp(-(((x - at) / wide) ** 2) - ((y - low) / high) ** 2)
        noisy = grey.reshape(SIDE, SIDE) + 4 * rng.standard_normal((SIDE, SIDE))
        images[index] = np.clip(noisy, 0, 255)
    return images, poses


def points_in_frame(similarities: np.ndarray, poses: np.ndarray) -> np.ndarray:
    """Return where estimated transforms move the true corners of the faces: `[images, 4, 2]`."""
    corners = np.array([(-0.35, -0.2), (0.35, -0.2), (-0.25, 0.45), (0.25, 0.45)])
    moved = []
    for found, pose in zip(similarities, poses, strict=True):
        matrix = frame_to_image(pose, SIDE, SIDE, SETTINGS.crop)
        moved.append((corners @ matrix[:, :2].T + matrix[:, 2]) @ found[:, :2].T + found[:, 2])
    return np.array(moved)


def scatter(points: np.ndarray) -> float:
    return float(np.sqrt(((points - points.mean(axis=0)) ** 2).mean()))


@pytest.fixture(scope="module")
def model() -> AlignmentModel:
    return fit_alignment_model(blob_faces(256, seed=0)[0], SETTINGS, seed=0)


def test_known_transforms_of_other_images_are_undone(model: AlignmentModel):
    images, poses = blob_faces(64, seed=1)
    start = estimate_similarities(
        dataclasses.replace(model, weights=0 * model.weights, offsets=0 * model.offsets), images
    )
    before = scatter(points_in_frame(start, poses))
    after = points_in_frame(estimate_similarities(model, images), poses)
    assert before > 0.1
    assert scatter(after) < before / 4
    # Upright, centred and of average size, although nothing but the pictures says what that is.
    np.testing.assert_allclose(after.mean(axis=0).mean(axis=0), (0, 0.125), atol=0.04)
    eyes = after.mean(axis=0)[1] - after.mean(axis=0)[0]
    np.testing.assert_allclose(eyes, (0.7, 0), atol=0.05)


def test_the_mirror_image_gets_the_mirrored_transform(model: AlignmentModel):
    images, _ = blob_faces(16, seed=2)
    found = estimate_similarities(model, images)
    mirrored = estimate_similarities(model, images[:, :, ::-1])
    point = np.array([30.0, 50.0])
    there = found[:, :, :2] @ point + found[:, :, 2]
    other = mirrored[:, :, :2] @ (SIDE - 1 - point[0], point[1]) + mirrored[:, :, 2]
    np.testing.assert_allclose(other, there * (-1, 1), atol=1e-4)


def test_an_image_is_estimated_on_its_own_and_at_any_size(model: AlignmentModel):
    images, _ = blob_faces(5, seed=3)
    found = estimate_similarities(model, images)
    np.testing.assert_allclose(estimate_similarities(model, images[3:4]), found[3:4], atol=1e-5)
    larger = [
        np.asarray(Image.fromarray(image).resize((2 * SIDE, 2 * SIDE), Image.Resampling.BICUBIC)) for image in images
    ]
    at = np.array([(20.0, 30.0), (90.0, 80.0)])
    twice = estimate_similarities(model, larger)
    one = np.einsum("nij,pj->npi", found[:, :, :2], at) + found[:, None, :, 2]
    other = np.einsum("nij,pj->npi", twice[:, :, :2], 2 * at + 0.5) + twice[:, None, :, 2]
    assert np.abs(one - other).mean() < 0.05  # of about 1.9, the side of the image
    assert estimate_similarities(model, images[:0]).shape == (0, 2, 3)


def test_the_fit_depends_on_images_settings_and_seed_alone():
    images = blob_faces(20, seed=4)[0]
    small = dataclasses.replace(SETTINGS, rounds=1, stages=(1.0,), images=16)
    first, again, other = (fit_alignment_model(images, small, seed) for seed in (0, 0, 1))
    assert first.digest() == again.digest() != other.digest()
    np.testing.assert_array_equal(first.weights, again.weights)


def test_a_saved_model_is_the_same(model: AlignmentModel, tmp_path: Path):
    kept = dataclasses.replace(model, origin="abc")
    kept.save(tmp_path / "model.npz")
    loaded = AlignmentModel.load(tmp_path / "model.npz")
    assert (loaded.settings, loaded.origin, loaded.digest()) == (SETTINGS, "abc", model.digest())
    images = blob_faces(3, seed=5)[0]
    np.testing.assert_array_equal(estimate_similarities(loaded, images), estimate_similarities(model, images))


def test_a_file_that_is_no_model_is_refused(model: AlignmentModel, tmp_path: Path):
    with pytest.raises(UserError, match=r"none\.npz: not an alignment model that can be read"):
        AlignmentModel.load(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("no archive")
    with pytest.raises(UserError, match=r"text\.npz: not an alignment model"):
        AlignmentModel.load(tmp_path / "text.npz")
    dataclasses.replace(model, weights=model.weights[:1]).save(tmp_path / "cut.npz")
    with pytest.raises(UserError, match=r"cut\.npz.*weights has the shape"):
        AlignmentModel.load(tmp_path / "cut.npz")


def test_bad_input_is_refused():
    with pytest.raises(UserError, match=r"found images of the shape \(3, 20, 20, 3\)"):
        fit_alignment_model(np.zeros((3, 20, 20, 3), np.uint8))
    with pytest.raises(UserError, match="type float32"):
        fit_alignment_model(np.zeros((3, 20, 20), np.float32))
    with pytest.raises(UserError, match=r"at least 2 grey"):
        fit_alignment_model(np.zeros((1, 20, 20), np.uint8))
    for name, value in (("crop", 0.0), ("rounds", 0), ("stages", ()), ("samples", 3), ("ridge", -1.0), ("images", 1)):
        with pytest.raises(UserError, match=f"congealing: {name} is"):
            dataclasses.replace(SETTINGS, **{name: value})


def test_uniform_images_keep_the_central_crop():
    model = fit_alignment_model(np.full((4, 40, 40), 90, np.uint8), dataclasses.replace(SETTINGS, rounds=1))
    found = estimate_similarities(model, np.full((1, 40, 40), 90, np.uint8))[0]
    scale = 2 / (SETTINGS.crop * 40)
    np.testing.assert_allclose(found, [(scale, 0, -19.5 * scale), (0, scale, -19.5 * scale)], atol=0.2)


def test_poses_form_a_group():
    rng = np.random.default_rng(0)
    one, other = (rng.standard_normal((6, 4)) for _ in range(2))
    points = rng.standard_normal((6, 2))

    def moved(poses: np.ndarray, points: np.ndarray) -> np.ndarray:
        return np.einsum("nij,nj->ni", linear(poses), points) + poses[:, 2:]

    np.testing.assert_allclose(moved(compose(one, other), points), moved(one, moved(other, points)), atol=1e-9)
    np.testing.assert_allclose(compose(one, inverse(one)), 0, atol=1e-9)
    np.testing.assert_allclose(moved(one * MIRRORED, points * (-1, 1)), moved(one, points) * (-1, 1), atol=1e-9)


def test_the_detector_yields_crops_like_those_of_landmarks(model: AlignmentModel):
    pixels = np.repeat(blob_faces(4, seed=6)[0][..., None], 3, axis=-1)
    faces = CongealingDetector(model)(list(pixels))
    assert [len(found) for found in faces] == [1, 1, 1, 1]
    for image, (face,) in zip(pixels, faces, strict=True):
        assert 0.5 < face.score <= 1
        to_frame = estimate_similarities(model, [image])[0]
        np.testing.assert_allclose(face.points @ to_frame[:, :2].T + to_frame[:, 2], template_in_frame(), atol=1e-4)
    crops = crop_faces(list(pixels), CongealingDetector(model), CropSettings(margin=10))
    assert {crop.pixels.shape for crop in crops} == {(132, 132, 3)}
    assert template_in_frame().shape == template().shape


def test_the_central_square_is_reduced_to_the_size_of_the_crop():
    image = draw(seed=0, person=0, image=0, side=90)
    wide = np.pad(image, ((0, 0), (15, 15), (0, 0)))
    assert grey_square(image, 0.5).shape == (128, 128)
    inner = np.s_[:, 2:-2]  # the columns at the edge are interpolated with what lies beyond
    np.testing.assert_array_equal(grey_square(wide, 0.5)[inner], grey_square(image, 0.5)[inner])
