"""Codes and bins against a derivation per pixel and against scikit-image."""

import math

import numpy as np
import pytest

from lfw_jax.descriptors.binary_patterns import BINS, MIRRORED_BINS, binary_patterns

# skimage.feature.local_binary_pattern(waves(), 8, radius, method="nri_uniform")[2:18, 2:18], scikit-image 0.26.0. Its bins
# have another order.
GOLDEN = {
    1: """
        17 15 31 31 31 31 54 27 27 27 27 07 23 31 31 40
        16 23 23 31 31 50 27 27 27 27 16 23 31 31 31 32
        24 32 23 23 32 51 27 27 27 58 07 31 31 31 40 32
        32 32 32 32 51 27 27 27 27 00 31 31 31 40 40 57
        32 32 33 42 35 27 27 19 12 31 31 31 31 40 57 58
        32 33 34 35 27 27 19 03 13 31 31 31 40 57 58 36
        40 51 35 27 27 27 03 05 31 31 31 40 57 58 36 28
        57 44 27 27 27 01 07 23 31 31 40 57 36 28 28 19
        37 36 27 18 09 16 32 23 31 47 55 28 28 28 19 01
        28 28 09 17 24 32 32 39 47 46 28 28 19 01 08 58
        21 13 32 32 33 34 58 38 37 37 28 01 09 16 32 32
        22 40 32 42 43 35 28 28 21 13 05 33 33 24 58 56
        31 48 57 52 36 19 58 00 13 23 32 42 43 52 28 20
        47 38 37 36 27 01 00 23 32 40 57 52 36 28 12 13
        20 29 58 09 09 16 32 40 56 57 36 28 19 00 05 23
        00 05 22 32 42 43 58 47 46 28 19 01 00 23 32 58
    """,
    2: """
        16 07 23 31 31 58 54 27 27 27 08 07 23 31 31 40
        16 15 23 23 31 57 58 27 27 58 08 07 31 31 31 32
        16 15 23 23 42 51 27 27 27 58 07 31 31 31 40 42
        24 32 32 42 51 58 27 27 58 04 58 31 31 40 58 57
        32 32 42 51 43 27 27 58 04 58 31 31 31 58 57 57
        32 42 51 43 27 27 58 00 04 31 31 31 58 57 57 36
        57 57 43 27 27 19 00 00 23 31 31 56 57 57 28 28
        57 57 36 27 09 00 00 23 23 31 47 57 55 28 28 19
        54 36 36 09 08 08 23 23 39 47 55 46 28 28 01 00
        37 58 58 09 16 24 58 47 47 55 46 28 10 01 08 08
        13 58 58 33 42 43 58 58 46 58 58 01 09 08 16 32
        13 40 50 51 43 43 28 12 04 13 05 58 58 58 58 56
        58 56 57 57 44 19 00 00 05 14 58 51 51 52 58 58
        47 55 55 58 09 00 00 05 40 56 57 57 44 58 04 04
        58 04 58 58 09 08 58 48 56 57 57 28 01 00 00 14
        00 00 13 50 51 43 58 58 55 58 10 01 00 00 32 57
    """,
}


def waves() -> np.ndarray:
    y, x = np.mgrid[:20, :20]
    return np.round(120 + 60 * np.sin(x / 1.7 + y * y / 23) + 50 * np.cos(y / 2.1 - x * y / 17)).astype(np.uint8)


def bilinear(image: np.ndarray, x: float, y: float) -> float:
    left, top = math.floor(x), math.floor(y)
    dx, dy = x - left, y - top
    corners = image[top : top + 2, left : left + 2].astype(float)
    weights = np.outer((1 - dy, dy), (1 - dx, dx))[: corners.shape[0], : corners.shape[1]]
    return float(np.sum(corners * weights))


def code(image: np.ndarray, x: int, y: int, radius: int) -> int:
    """The definition: eight points on a circle, from the right and counterclockwise (up is −y)."""
    total = 0
    for k in range(8):
        right, up = round(math.cos(k * math.pi / 4), 9), round(math.sin(k * math.pi / 4), 9)
        neighbour = bilinear(image, x + radius * right, y - radius * up)
        total += (neighbour >= int(image[y, x]) - 1e-6) * 2**k
    return total


@pytest.mark.parametrize("radius", [1, 2, 3, 4])
def test_codes_equal_the_definition_at_every_pixel(radius):
    images = np.random.default_rng(radius).integers(0, 256, (2, 14, 14), np.uint8)
    images[1] = 100 + images[1] // 80  # many ties
    found = binary_patterns(images, radius)
    inner = range(radius, 14 - radius)
    expected = [[[code(image, x, y, radius) for x in inner] for y in inner] for image in images]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("radius", GOLDEN)
def test_bins_are_those_of_scikit_image_in_another_order(radius):
    golden = np.array(GOLDEN[radius].split(), int).reshape(16, 16)
    border = 2 - radius
    found = BINS[binary_patterns(waves()[border : 20 - border, border : 20 - border], radius)]
    pairs = set(zip(found.ravel().tolist(), golden.ravel().tolist(), strict=True))
    assert len(pairs) == len(np.unique(found)) == len(np.unique(golden)) >= 39
    assert (58, 58) in pairs


def test_a_bin_for_each_of_58_uniform_codes_and_one_for_the_rest():
    def changes(value: int) -> int:
        text = f"{value:08b}"
        return sum(first != second for first, second in zip(text, text[1:] + text[0], strict=True))

    uniform = [value for value in range(256) if changes(value) <= 2]
    assert len(uniform) == 58
    assert BINS[uniform].tolist() == list(range(58))
    assert {BINS[value] for value in range(256) if value not in uniform} == {58}


@pytest.mark.parametrize("radius", [1, 2, 3])
def test_mirroring_an_image_permutes_the_bins(radius):
    image = np.random.default_rng(0).integers(0, 4, (60, 60), np.uint8) * 60
    bins = BINS[binary_patterns(image, radius)]
    np.testing.assert_array_equal(BINS[binary_patterns(image[:, ::-1], radius)], MIRRORED_BINS[bins][:, ::-1])


def test_an_equal_neighbour_counts_as_brighter():
    assert (binary_patterns(np.full((3, 5, 5), 77, np.uint8), 1) == 255).all()
