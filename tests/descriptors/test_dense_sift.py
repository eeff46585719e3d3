"""Dense SIFT against a loop over pixels, OpenCV's descriptor, Pillow's resizing and its symmetries."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lfw_jax.descriptors.dense_sift import DenseSift, dense_sift, grid_positions
from lfw_jax.errors import UserError

ONE_SCALE = DenseSift(stride=5, scales=(1.0,), cell=3)


def picture(seed: int, height: int = 33, width: int = 41) -> np.ndarray:
    noise = np.random.default_rng(seed).uniform(0, 255, (height, width)).astype(np.float32)
    return cv2.GaussianBlur(noise, (0, 0), 1.5)


def described(image: np.ndarray, sift: DenseSift) -> np.ndarray:
    return np.asarray(dense_sift(image[None], sift)[0][0])


def votes(image: np.ndarray, x: float, y: float, cell: int) -> np.ndarray:
    """Collect Lowe's votes of all pixels around (x, y) into 4 × 4 × 8 bins, one pixel and one bin at a time."""
    histogram = np.zeros((4, 4, 8))
    for i in range(1, image.shape[0] - 1):
        for j in range(1, image.shape[1] - 1):
            right = (float(image[i, j + 1]) - float(image[i, j - 1])) / 2
            down = (float(image[i + 1, j]) - float(image[i - 1, j])) / 2
            turn = np.degrees(np.arctan2(down, right)) % 360 / 45
            for row in range(4):
                for column in range(4):
                    off_y = abs((i - y) / cell - (row - 1.5))
                    off_x = abs((j - x) / cell - (column - 1.5))
                    if off_y >= 1 or off_x >= 1:
                        continue
                    window = np.exp(-((row - 1.5) ** 2 + (column - 1.5) ** 2) / (2 * 2.0**2))
                    vote = np.hypot(right, down) * (1 - off_y) * (1 - off_x) * window
                    histogram[row, column, int(turn) % 8] += vote * (1 - turn % 1)
                    histogram[row, column, (int(turn) + 1) % 8] += vote * (turn % 1)
    return histogram.ravel()


def root_sift(histogram: np.ndarray) -> np.ndarray:
    limited = np.minimum(histogram / np.linalg.norm(histogram), 0.2)
    return np.sqrt(limited / limited.sum())


def test_a_descriptor_is_the_votes_of_its_pixels():
    image = picture(0)
    descriptors = described(image, ONE_SCALE)
    positions = grid_positions(*image.shape, ONE_SCALE)
    for index in (4, 9, len(positions) - 6):
        x, y = (positions[index] + 0.5) * image.shape[::-1] - 0.5
        if min(x, y, image.shape[1] - 1 - x, image.shape[0] - 1 - y) < 2.5 * ONE_SCALE.cell + 1:
            continue  # the loop leaves the outermost pixels out
        np.testing.assert_allclose(descriptors[index], root_sift(votes(image, x, y, 3)), atol=2e-5)


def test_descriptors_agree_with_opencv():
    side, cell = 97, 6
    noise = np.random.default_rng(1).uniform(0, 255, (side, side)).astype(np.float32)
    image = np.clip(cv2.GaussianBlur(noise, (0, 0), 3) * 6 - 640, 0, 255).astype(np.uint8)
    # OpenCV describes its first layer, blurred to a deviation of 1.6 from an assumed 0.5.
    blurred = cv2.GaussianBlur(image.astype(np.float32), (0, 0), np.sqrt(1.6**2 - 0.5**2))
    sift = DenseSift(stride=12, scales=(1.0,), cell=cell)
    descriptors = described(blurred, sift)
    centres = (grid_positions(side, side, sift) + 0.5) * side - 0.5
    np.testing.assert_allclose(centres, centres.round(), atol=1e-4)
    points = [cv2.KeyPoint(float(x), float(y), 2 * cell / 3, 0.0, 1.0, 0) for x, y in centres.round()]
    _, theirs = cv2.SIFT.create().compute(image, points)
    assert len(theirs) == len(descriptors)
    # Its angles go the other way round, since it measures them upwards.
    theirs = theirs.reshape(-1, 4, 4, 8)[..., -np.arange(8) % 8].reshape(-1, 128)
    theirs = np.sqrt(theirs / theirs.sum(axis=1, keepdims=True))
    cosines = (theirs * descriptors).sum(axis=1)
    assert cosines.min() > 0.97
    assert np.median(cosines) > 0.985


@pytest.mark.parametrize("size", [(60, 48), (61, 47)])
def test_scales_describe_the_image_as_pillow_shrinks_it(size):
    image = picture(2, *size)
    small = Image.fromarray(image).resize((round(size[1] * 0.6), round(size[0] * 0.6)), Image.Resampling.BILINEAR)
    both = DenseSift(stride=4, scales=(1.0, 0.6), cell=3)
    expected = [described(np.asarray(pixels), DenseSift(4, (1.0,), 3)) for pixels in (image, small)]
    np.testing.assert_allclose(described(image, both), np.concatenate(expected), atol=3e-3)


@given(st.integers(0, 99), st.integers(1, 5), st.sampled_from([(33, 41), (40, 34)]))
@settings(max_examples=5)
def test_a_mirrored_image_has_mirrored_windows(seed, stride, size):
    image = picture(seed, *size)
    sift = DenseSift(stride, (1.0, 0.8), 3)
    descriptors, mirrored = described(image, sift), described(image[:, ::-1], sift)
    positions = grid_positions(*size, sift)
    # Equal scales and rows, opposite columns.
    per_scale = [len(grid_positions(*size, DenseSift(stride, (scale,), 3))) for scale in sift.scales]
    level = np.repeat(np.arange(2), per_scale)
    order = np.lexsort((-positions[:, 0], positions[:, 1], level))
    np.testing.assert_allclose(positions[order] * [-1, 1], positions, atol=1e-6)
    turned = descriptors[order].reshape(-1, 4, 4, 8)[:, :, ::-1, (4 - np.arange(8)) % 8].reshape(-1, 128)
    np.testing.assert_allclose(mirrored, turned, atol=1e-3)


def test_a_ramp_has_one_orientation():
    ramp = np.broadcast_to(np.arange(40.0), (40, 40))
    for image, orientation in ((ramp, 0), (ramp.T, 2), (-ramp, 4), (-ramp.T, 6)):
        energy = (described(image, ONE_SCALE).reshape(-1, 8) ** 2).sum(axis=0)
        assert energy[orientation] == pytest.approx(energy.sum(), rel=1e-5)


def test_brightness_and_contrast_do_not_matter_and_vectors_have_unit_length():
    image = picture(3)
    descriptors = described(image, ONE_SCALE)
    np.testing.assert_allclose(described(0.4 * image + 90, ONE_SCALE), descriptors, atol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(descriptors, axis=1), 1, rtol=1e-5)


def test_uniform_windows_are_zeros_and_bytes_are_read():
    images = np.stack([np.full((33, 33), 200), picture(4, 33, 33)]).astype(np.uint8)
    descriptors, positions = dense_sift(images, ONE_SCALE)
    assert descriptors.shape == (2, len(positions), 128)
    assert not np.asarray(descriptors[0]).any()
    np.testing.assert_allclose(descriptors[1], described(images[1].astype(np.float32), ONE_SCALE), atol=1e-6)


def test_the_grid_is_centred_and_windows_lie_inside():
    sift = DenseSift(stride=4, scales=(1.0, 0.5), cell=3)
    positions = grid_positions(50, 70, sift)
    assert len(positions) == 10 * 15 + 4 * 6
    np.testing.assert_allclose(positions.mean(axis=0), 0, atol=1e-6)
    large, small = positions[:150] * [70, 50], positions[150:] * [35, 25]
    assert np.unique(np.diff(np.unique(large[:, 0].round(3))).round(3)) == [4]
    for grid, (width, height) in ((large, (70, 50)), (small, (35, 25))):
        assert (np.abs(grid).max(axis=0) + 6 <= [(width - 1) / 2, (height - 1) / 2]).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(stride=0), "stride is 0"),
        (dict(cell=0), "cell is 0"),
        (dict(scales=()), "scales is ()"),
        (dict(scales=(1.0, -0.5)), "scales is"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(UserError) as error:
        DenseSift(**options)
    assert message in str(error.value)


def test_a_scale_smaller_than_a_window_is_refused():
    with pytest.raises(UserError, match="20 pixels"):
        dense_sift(np.zeros((1, 40, 40)), DenseSift(scales=(1.0, 0.5)))
