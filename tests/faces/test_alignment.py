"""Alignment: exact similarities, crops where the points belong, and a real detector on drawn and real faces."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from lfw_jax.faces.alignment import align, centre_crop, similarity, template, warp

coordinates = st.floats(-100, 100, width=32)


def apply(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    return points @ matrix[:, :2].T + matrix[:, 2]


@given(angle=st.floats(-3.1, 3.1), scale=st.floats(0.05, 20), shift=st.tuples(coordinates, coordinates))
def test_a_similarity_is_found_exactly(angle: float, scale: float, shift: tuple[float, float]):
    turn = scale * np.array([(np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))])
    wanted = np.column_stack((turn, shift))
    found = similarity(template(), apply(wanted, template()))
    np.testing.assert_allclose(found, wanted, atol=1e-7)


@given(arrays.arrays(np.float64, (5, 2), elements=coordinates), arrays.arrays(np.float64, (5, 2), elements=coordinates))
def test_no_other_similarity_is_nearer(points: np.ndarray, target: np.ndarray):
    if np.ptp(points, axis=0).max() < 1e-3:
        return
    best = similarity(points, target)
    # The same by linear least squares over (a, b, x, y): u = a x − b y + s, v = b x + a y + t.
    x, y, one, zero = points[:, 0], points[:, 1], np.ones(5), np.zeros(5)
    system = np.vstack((np.column_stack((x, -y, one, zero)), np.column_stack((y, x, zero, one))))
    oracle = np.linalg.lstsq(system, np.concatenate((target[:, 0], target[:, 1])), rcond=None)[0]
    a, b, s, t = oracle
    residual = np.sum((apply(best, points) - target) ** 2)
    expected = np.sum((apply(np.array([(a, -b, s), (b, a, t)]), points) - target) ** 2)
    assert residual == pytest.approx(expected, rel=1e-6, abs=1e-6)
    assert np.linalg.det(best[:, :2]) >= 0  # never a mirror image


def test_a_mirrored_face_is_not_mirrored_back():
    mirrored = template() * (-1, 1)
    assert np.linalg.det(similarity(mirrored, template())[:, :2]) > 0


@pytest.mark.parametrize(
    ("points", "target", "message"),
    [
        (np.ones((5, 2)), template(), "coincide"),
        (np.full((5, 2), np.nan), template(), "not finite"),
        (template()[:4], template(), r"found \(4, 2\) and \(5, 2\)"),
        (template()[:1], template()[:1], "at least two"),
    ],
)
def test_points_that_fix_no_similarity_are_refused(points: np.ndarray, target: np.ndarray, message: str):
    with pytest.raises(ValueError, match=message):
        similarity(points, target)


def test_the_template_scales_and_narrows():
    np.testing.assert_allclose(template(224), 2 * template())
    np.testing.assert_allclose(template(112, 96), template() - (8, 0))
    np.testing.assert_allclose(template(56, 48), (template() - (8, 0)) / 2)
    with pytest.raises(ValueError, match="found 112 high × 100 wide"):
        template(112, 100)


def test_warping_by_the_identity_changes_nothing():
    image = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    np.testing.assert_array_equal(warp(image, np.eye(2, 3), 40, 50), image)


def test_warping_agrees_with_bilinear_interpolation_written_out():
    image = np.random.default_rng(1).integers(0, 256, (30, 30, 3), np.uint8)
    matrix = np.array([(0.9, -0.3, 4.2), (0.3, 0.9, -2.7)])
    found = warp(image, matrix, 20, 24).astype(float)
    inverse = np.linalg.inv(np.vstack((matrix, (0, 0, 1))))
    rows, columns = np.mgrid[:20, :24]
    x, y, _ = np.einsum("ij,jhw->ihw", inverse, np.stack((columns, rows, np.ones_like(rows))))
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    bordered = np.pad(image.astype(float), ((40, 40), (40, 40), (0, 0)))
    expected = sum(
        ((1 - abs(x - (left + i))) * (1 - abs(y - (top + j))))[..., None] * bordered[top + j + 40, left + i + 40]
        for i in (0, 1)
        for j in (0, 1)
    )
    inside = (x > -1) & (x < 30) & (y > -1) & (y < 30)
    assert inside.mean() > 0.5
    assert np.abs(found - expected)[inside].max() <= 1.01  # Pillow rounds
    assert not found[~inside].any()


@pytest.mark.parametrize(("height", "width"), [(112, 112), (112, 96), (56, 56)])
def test_points_of_an_aligned_face_are_at_the_template(height: int, width: int):
    # Five bright blobs on black, turned and scaled: after alignment each is brightest where the template has it.
    angle, scale = 0.4, 1.3
    turn = scale * np.array([(np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))])
    points = template() @ turn.T + (60, 30)
    rows, columns = np.mgrid[:250, :250]
    image = sum(255 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 18) for x, y in points)
    crop = align(np.repeat(image[..., None], 3, 2).clip(0, 255).astype(np.uint8), points, height=height, width=width)
    assert crop.shape == (height, width, 3)
    for x, y in template(height, width):
        near = crop[round(y) - 5 : round(y) + 6, round(x) - 5 : round(x) + 6, 0].astype(float)
        dy, dx = np.mgrid[: near.shape[0], : near.shape[1]]
        centre = (near * dx).sum() / near.sum() + round(x) - 5, (near * dy).sum() / near.sum() + round(y) - 5
        assert np.hypot(centre[0] - x, centre[1] - y) < 0.6


def test_the_centre_crop_shows_the_centre():
    image = np.zeros((250, 250, 3), np.uint8)
    image[56:194, 56:194] = 200  # the central 136, and a pixel around it
    assert (centre_crop(image) == 200).all()
    assert (centre_crop(image, share=1.0)[:10] == 0).all()
    assert centre_crop(image, height=112, width=96).shape == (112, 96, 3)


def test_the_centre_crop_of_a_wide_image_is_not_squeezed():
    image = np.zeros((100, 300, 3), np.uint8)
    image[:, 100:200] = 255
    assert (centre_crop(image, share=1.0) == 255).mean() > 0.97
    assert Image.fromarray(centre_crop(image)).size == (112, 112)
