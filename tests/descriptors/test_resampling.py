import numpy as np
import pytest
from PIL import Image

from lfw_jax.descriptors.resampling import even_size, resample


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


@pytest.mark.parametrize("size", [(278, 278), (194, 196), (100, 102), (30, 20)])
def test_reflection_is_exact(size):
    images = noise(2, 61, 208)
    images[1] = images[1] // 16 * 16  # rounding has ties
    expected = resample(images, *size)
    np.testing.assert_array_equal(resample(images[:, :, ::-1], *size), expected[:, :, ::-1])
    np.testing.assert_array_equal(resample(images[:, ::-1], *size), expected[:, ::-1])


@pytest.mark.parametrize("size", [(140, 140), (104, 96), (52, 48)])
def test_equals_pillow_within_the_rounding_of_weights(size):
    # Pillow's filter also has a = −½ and widens where it reduces. It clips between its two passes, which must not matter.
    image = 64 + noise(104, 104) // 2
    expected = Image.fromarray(image).resize(size[::-1], Image.Resampling.BICUBIC)
    found = resample(image[None], *size)[0].astype(int)
    difference = found - np.asarray(expected)
    assert np.abs(difference).max() <= 2
    assert np.abs(difference).mean() < 0.6


def test_the_same_size_changes_nothing():
    images = noise(2, 30, 44)
    np.testing.assert_array_equal(resample(images, 30, 44), images)


def test_a_flat_image_stays_flat():
    for value in (0, 1, 77, 255):
        assert (resample(np.full((1, 37, 41), value, np.uint8), 90, 18) == value).all()


def test_a_checkerboard_is_averaged_without_aliasing():
    board = np.indices((96, 96)).sum(0) % 2 * 200
    reduced = resample(board.astype(np.uint8)[None], 44, 44)[0, 2:-2, 2:-2]
    assert np.abs(reduced.astype(int) - 100).max() <= 2


@pytest.mark.parametrize(
    ("side", "factor", "expected"), [(208, 47 / 35.2378, 278), (208, 1.0, 208), (7, 1.0, 8), (3, 0.1, 2)]
)
def test_sizes_are_even(side, factor, expected):
    assert even_size(side, factor) == expected
