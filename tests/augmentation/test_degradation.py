"""Degradation: blur against an explicit convolution, low resolution and JPEG compression against Pillow's."""

import io
from functools import cache
from pathlib import Path

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from lfw_jax.augmentation import Augmentation, augment, to_pixels
from lfw_jax.augmentation.jpeg import _CHROMINANCE, _LUMINANCE, compress, quantisation
from lfw_jax.augmentation.resolution import blur_matrix, low_resolution_matrix

SIDE, COUNT = 32, 48
blurring = jax.jit(blur_matrix, static_argnums=0)
shrinking = jax.jit(low_resolution_matrix, static_argnums=0)
compressing = jax.jit(compress)


@cache
def picture(seed: int, side: int = SIDE) -> np.ndarray:
    """Make an image with soft shapes, a hard edge and some noise, like a photograph."""
    rng = np.random.default_rng(seed)
    soft = Image.fromarray(rng.integers(30, 226, (5, 5, 3), dtype=np.uint8)).resize(
        (side, side), Image.Resampling.BICUBIC
    )
    shapes = np.asarray(soft).astype(np.float32)
    top, left = rng.integers(0, side // 2, 2)
    shapes[top : top + side // 2, left : left + side // 3] += rng.uniform(-90, 90, 3)
    return (shapes + rng.normal(0, 4, (side, side, 1))).clip(0, 255).astype(np.uint8)


def applied(matrix: np.ndarray, image: np.ndarray) -> np.ndarray:
    return np.einsum("ij,jkc,lk->ilc", matrix, image.astype(np.float64), matrix)


def unit(image: np.ndarray) -> np.ndarray:
    return ((image - 127.5) / 127.5).astype(np.float32)


def changed(images: np.ndarray, **options: float) -> np.ndarray:
    keys = jax.random.split(jax.random.key(1), len(images))
    change = jax.jit(lambda keys, images: augment(keys, images, images.shape[1], Augmentation(**options)))
    return 127.5 * np.asarray(change(keys, images)) + 127.5


def detail(images: np.ndarray) -> np.ndarray:
    """Return the mean squared difference of neighbouring pixels of each image."""
    images = images.astype(np.float64)
    return sum(np.square(np.diff(images, axis=axis)).mean(axis=(1, 2, 3)) for axis in (1, 2))


@given(seed=st.integers(0, 20), sigma=st.floats(0.3, 4.0))
def test_a_blur_is_a_convolution_of_the_mirrored_image_with_a_gaussian(seed: int, sigma: float):
    image, reach = picture(seed), 24
    distances = np.arange(-reach, reach + 1)
    weights = np.exp(-(distances**2) / (2 * sigma**2))
    weights /= weights.sum()
    padded = np.pad(image.astype(np.float64), ((reach, reach), (reach, reach), (0, 0)), mode="symmetric")
    rows = sum(weight * padded[offset : offset + SIDE] for offset, weight in enumerate(weights))
    expected = sum(weight * rows[:, offset : offset + SIDE] for offset, weight in enumerate(weights))
    blurred = applied(np.asarray(blurring(SIDE, sigma)), image)
    np.testing.assert_allclose(blurred, expected, atol=0.05)
    np.testing.assert_allclose(blurred.mean(axis=(0, 1)), image.mean(axis=(0, 1)), atol=0.02)


def test_a_blur_removes_detail_with_random_strength_and_preserves_the_mean():
    images = np.stack([picture(seed) for seed in range(COUNT)])
    blurred = changed(images, blur=1.0, blur_sigma=3.0)
    np.testing.assert_allclose(blurred.mean(axis=(1, 2)), images.mean(axis=(1, 2)), atol=0.05)
    left = detail(blurred) / detail(images)
    assert left.max() <= 1.0 + 1e-6
    assert left.min() < 0.25
    assert np.std(left) > 0.1


def test_a_blur_of_width_zero_is_the_identity():
    np.testing.assert_array_equal(blurring(SIDE, 0.0), np.eye(SIDE))


@given(seed=st.integers(0, 20), size=st.integers(1, SIDE))
def test_low_resolution_equals_downscaling_and_upscaling_by_pillow(seed: int, size: int):
    image = picture(seed)
    small = Image.fromarray(image).resize((size, size), Image.Resampling.BILINEAR)
    expected = np.asarray(small.resize((SIDE, SIDE), Image.Resampling.BILINEAR)).astype(np.float64)
    ours = applied(np.asarray(shrinking(SIDE, size)), image)
    # Pillow rounds to whole grey values after each of its four passes.
    assert np.abs(ours - expected).max() < 2.5
    assert np.abs(ours - expected).mean() < 0.6


def test_the_smallest_size_bounds_the_loss_of_an_image():
    images = np.stack([picture(seed) for seed in range(COUNT)])
    low = changed(images, downscale=1.0, downscale_factor=0.25)
    lost = np.abs(low - images).mean(axis=(1, 2, 3))
    worst = np.abs([applied(np.asarray(shrinking(SIDE, SIDE // 4)), image) for image in images] - images.astype(float))
    assert (lost <= 1.05 * worst.mean(axis=(1, 2, 3)) + 0.1).all()
    assert lost.max() > 3 * lost.min()
    assert np.median(detail(low) / detail(images)) < 0.6


def pillow_jpeg(image: np.ndarray, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return Image.open(buffer)


@pytest.mark.parametrize("quality", [1, 10, 25, 49, 50, 51, 75, 90, 100])
def test_the_quantisation_tables_are_libjpegs(quality: int):
    theirs = pillow_jpeg(picture(0), quality).quantization
    for number, table in enumerate((_LUMINANCE, _CHROMINANCE)):
        np.testing.assert_array_equal(np.asarray(quantisation(table, quality)).ravel(), theirs[number])


@given(seed=st.integers(0, 20), quality=st.integers(1, 100), side=st.sampled_from([SIDE, 24]))
def test_jpeg_equals_pillows_at_the_same_quality(seed: int, quality: int, side: int):
    image = picture(seed, side)
    theirs = np.asarray(pillow_jpeg(image, quality)).astype(np.float64)
    ours = to_pixels(compressing(unit(image), quality)).astype(np.float64)
    apart, lost = np.abs(ours - theirs).mean(), np.abs(theirs - image).mean()
    # A coefficient near the middle between two steps may be rounded differently, which changes its whole block.
    assert apart < max(0.3 * lost, 1.0)
    assert np.median(np.abs(ours - theirs)) <= 1.0


def test_jpeg_of_real_faces_is_closer_to_pillows_than_to_the_original(lfw_dir: Path):
    for path in sorted(lfw_dir.glob("*/*_0001.jpg"))[::1500]:
        with Image.open(path) as photograph:
            image = np.asarray(photograph.crop((57, 57, 193, 193)).resize((64, 64), Image.Resampling.BILINEAR))
        for quality in (10, 30, 75):
            theirs = np.asarray(pillow_jpeg(image, quality)).astype(np.float64)
            ours = to_pixels(compressing(unit(image), quality)).astype(np.float64)
            assert np.abs(ours - theirs).mean() < min(1.0, 0.3 * np.abs(theirs - image).mean())


def test_a_higher_quality_loses_less():
    images = [picture(seed) for seed in range(6)]
    lost = [
        np.mean([np.abs(to_pixels(compressing(unit(image), quality)).astype(float) - image).mean() for image in images])
        for quality in (5, 20, 50, 80, 100)
    ]
    assert lost == sorted(lost, reverse=True)
    assert lost[0] > 5 * lost[-1]


def test_jpeg_samples_a_quality_for_each_image_down_to_the_lowest():
    images = np.stack([picture(2)] * COUNT)
    results = changed(images, jpeg=1.0, jpeg_quality=20)
    lost = np.abs(results - images).mean(axis=(1, 2, 3))
    worst = np.abs(127.5 * np.asarray(compressing(unit(picture(2)), 20)) + 127.5 - picture(2)).mean()
    assert lost.max() <= 1.1 * worst
    assert lost.max() > 2 * lost.min()
    assert len(np.unique(lost.round(3))) > COUNT // 3
