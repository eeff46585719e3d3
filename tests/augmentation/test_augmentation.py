"""Augmentation: each option has its documented effect, and none when it is 0."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfw_jax.augmentation import Augmentation, augment, augment_slice, centre, to_pixels

SIDE, STORED, COUNT = 16, 24, 64


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    """Smooth images, with a margin of 4 around the network's input."""
    small = np.random.default_rng(0).integers(40, 216, (COUNT, 4, 4, 3)).astype(np.float32)
    return np.asarray(jax.image.resize(small, (COUNT, STORED, STORED, 3), "cubic")).clip(0, 255).astype(np.uint8)


@cache
def compiled(options: Augmentation):
    return jax.jit(lambda keys, images: augment(keys, images, SIDE, options))


def changed(images: np.ndarray, **options: float | str) -> np.ndarray:
    keys = jax.random.split(jax.random.key(3), len(images))
    return np.asarray(compiled(Augmentation(**options))(keys, images))


def luma(images: np.ndarray) -> np.ndarray:
    return images @ np.array([0.299, 0.587, 0.114])


def test_without_options_the_result_is_the_central_square(images: np.ndarray):
    expected = (images[:, 4:20, 4:20].astype(np.float32) - np.float32(127.5)) / np.float32(127.5)
    np.testing.assert_allclose(changed(images), expected, atol=1e-7)
    np.testing.assert_array_equal(changed(images), jax.jit(centre, static_argnums=1)(images, SIDE))
    np.testing.assert_array_equal(to_pixels(changed(images)), images[:, 4:20, 4:20])


def test_a_flip_mirrors_complete_images_or_leaves_them_unchanged(images: np.ndarray):
    plain, flipped = changed(images), changed(images, flip=1.0)
    np.testing.assert_allclose(flipped, plain[:, :, ::-1], atol=1e-5)
    half = changed(images, flip=0.5)
    mirrored = np.array([np.allclose(one, two, atol=1e-5) for one, two in zip(half, flipped, strict=True)])
    same = np.array([np.allclose(one, two, atol=1e-5) for one, two in zip(half, plain, strict=True)])
    assert (mirrored ^ same).all()
    assert 0.25 < mirrored.mean() < 0.75


def test_a_shift_moves_by_up_to_its_share(images: np.ndarray):
    ramp = np.broadcast_to(8 * np.arange(STORED, dtype=np.uint8)[:, None, None], (COUNT, STORED, STORED, 3))
    moved = (changed(ramp, shift=0.2) - changed(ramp)) * 127.5 / 8  # pixels, the same everywhere in an image
    middle = moved[:, 4:12, 4:12]
    assert np.ptp(middle, axis=(1, 2, 3)).max() < 0.01
    assert 0.5 * 0.2 * SIDE < np.abs(middle).max() <= 0.2 * SIDE + 1e-3
    assert not np.allclose(changed(images, shift=0.2), changed(images), atol=0.01)


def test_scaling_steepens_or_flattens_and_rotation_turns(images: np.ndarray):
    del images
    ramp = np.broadcast_to(8 * np.arange(STORED, dtype=np.uint8)[:, None, None], (COUNT, STORED, STORED, 3))
    steepness = np.diff(changed(ramp, scale=0.25)[:, 6:10, 8, 0], axis=1).mean(axis=1) * 127.5 / 8
    assert 1 / 1.26 < steepness.min() < 0.9
    assert 1.1 < steepness.max() < 1.26
    turned = changed(ramp, rotation=30.0)
    down = np.diff(turned[:, 6:10, 8, 0], axis=1).mean(axis=1) * 127.5 / 8
    across = np.diff(turned[:, 8, 6:10, 0], axis=1).mean(axis=1) * 127.5 / 8
    angle = np.rad2deg(np.arctan2(across, down))
    np.testing.assert_allclose(np.hypot(across, down), 1.0, atol=0.02)
    assert 20 < np.abs(angle).max() <= 30.5
    assert angle.min() < 0 < angle.max()


def test_a_rotation_moves_a_dot_by_its_angle():
    dot = np.zeros((COUNT, STORED, STORED, 3), np.uint8)
    dot[:, 11:13, 17:19] = 255  # 6 pixels right of the middle
    turned = changed(dot, rotation=90.0)[..., 0] + 1
    offset = np.arange(SIDE) - (SIDE - 1) / 2
    down, across = (np.einsum("nij,nij->n", turned, grid) / turned.sum(axis=(1, 2)) for grid in np.broadcast_arrays(
        offset[None, :, None], offset[None, None, :], turned
    )[:2])  # fmt: skip
    np.testing.assert_allclose(np.hypot(down, across), 6.0, atol=0.1)
    turns = np.rad2deg(np.arctan2(down, across))
    keys = jax.random.split(jax.random.key(3), COUNT)
    expected = [float(jax.random.uniform(jax.random.fold_in(key, 0), minval=-90, maxval=90)) for key in keys[:8]]
    np.testing.assert_allclose(turns[:8], expected, atol=1.0)  # clockwise, as rows go down


def test_brightness_adds_and_contrast_stretches_around_the_mean(images: np.ndarray):
    plain, bright = changed(images), changed(images, brightness=0.05)
    added = bright - plain
    inside = np.abs(bright) < 1
    for one, where in zip(added, inside, strict=True):
        assert np.ptp(one[where]) < 1e-5
    assert 0.05 < np.abs(added).max() <= 0.1 + 1e-5
    stretched = changed(images, contrast=0.2)
    np.testing.assert_allclose(stretched.mean(axis=(1, 2, 3)), plain.mean(axis=(1, 2, 3)), atol=0.01)
    ratio = stretched.std(axis=(1, 2, 3)) / plain.std(axis=(1, 2, 3))
    assert 0.79 < ratio.min() < 0.9
    assert 1.1 < ratio.max() < 1.21


def test_saturation_preserves_grey_images_and_luma(images: np.ndarray):
    grey = np.repeat(images[..., :1], 3, axis=-1)
    np.testing.assert_allclose(changed(grey, saturation=0.5), changed(grey), atol=1e-5)
    plain, other = changed(images), changed(images, saturation=0.3)
    np.testing.assert_allclose(luma(other), luma(plain), atol=0.02)
    assert np.abs(other - plain).max() > 0.02


def test_erasing_fills_one_rectangle_of_the_promised_size_with_grey(images: np.ndarray):
    bright = np.full_like(images, 255)
    erased = changed(bright, erasing=1.0) == 0
    assert (erased.all(axis=3) == erased.any(axis=3)).all()
    for one in erased[..., 0]:
        rows, columns = np.flatnonzero(one.any(axis=1)), np.flatnonzero(one.any(axis=0))
        assert one[np.ix_(rows, columns)].all()  # a full rectangle
        assert one.sum() == len(rows) * len(columns)
    share = erased[..., 0].mean(axis=(1, 2))
    assert share.min() > 0.005
    assert share.max() < 0.27
    assert 0.1 < (changed(bright, erasing=0.3) == 0).any(axis=(1, 2, 3)).mean() < 0.55


def test_grayscale_removes_colour_and_preserves_luma(images: np.ndarray):
    plain, grey = changed(images), changed(images, grayscale=1.0)
    assert (grey[..., :1] == grey).all()
    np.testing.assert_allclose(grey[..., 0], luma(plain), atol=1e-5)
    lit = changed(images, grayscale=1.0, brightness=0.2, contrast=0.3, saturation=0.5)
    assert (lit[..., :1] == lit).all()


def test_erased_noise_has_all_colours_in_the_rectangle_of_grey(images: np.ndarray):
    bright = np.full_like(images, 255)
    grey = (changed(bright, erasing=1.0) == 0).all(axis=-1)
    noisy = changed(bright, erasing=1.0, erasing_fill="noise")
    assert (noisy[~grey] == 1).all()
    noise = noisy[grey]
    assert len(np.unique(noise)) > 0.9 * noise.size
    assert abs(noise.mean()) < 0.05
    assert noise.std() == pytest.approx(2 / np.sqrt(12), abs=0.03)


PROBABLE = ("flip", "grayscale", "blur", "downscale", "jpeg", "erasing")


@pytest.mark.parametrize("name", PROBABLE)
def test_a_probability_is_the_share_of_changed_images_and_the_others_are_bit_identical(images: np.ndarray, name: str):
    many = np.concatenate([images] * 4)
    # With flips all images are resampled, at integer pixels and thus up to rounding errors.
    plain, some = changed(many), changed(many, **{name: 0.3})
    same = [np.allclose(one, two, atol=1e-6 if name == "flip" else 0) for one, two in zip(some, plain, strict=True)]
    assert abs(1 - np.mean(same) - 0.3) < 4 * np.sqrt(0.3 * 0.7 / len(many))
    every = changed(many, **{name: 1.0})
    assert np.mean([np.array_equal(one, two) for one, two in zip(every, plain, strict=True)]) < 0.06


@pytest.mark.parametrize(
    ("name", "off"),
    [(name, {name: 0.0}) for name in PROBABLE]
    + [("sigma", dict(blur=1.0, blur_sigma=0.0)), ("factor", dict(downscale=1.0, downscale_factor=1.0))],
)
def test_an_option_that_is_off_changes_no_bit(images: np.ndarray, name: str, off: dict):
    del name
    others = dict(rotation=10.0, brightness=0.1, saturation=0.2)
    np.testing.assert_array_equal(changed(images, **others, **off), changed(images, **others))


def test_a_further_option_does_not_change_the_random_numbers_of_the_others(images: np.ndarray):
    jitter = dict(flip=0.5, rotation=20.0, scale=0.2, shift=0.1)
    np.testing.assert_allclose(
        luma(changed(images, **jitter, grayscale=0.5)), luma(changed(images, **jitter)), atol=1e-5
    )
    whole = np.full_like(images, 255)
    erased, both = changed(whole, erasing=0.5), changed(whole, erasing=0.5, blur=1.0)
    np.testing.assert_array_equal(erased == 0, np.abs(both) < 1e-6)


EVERYTHING = Augmentation(
    flip=0.5, rotation=30.0, scale=0.3, shift=0.2, brightness=0.5, contrast=0.5, saturation=0.8, erasing=0.5,
    grayscale=0.3, blur=0.6, blur_sigma=3.0, downscale=0.6, jpeg=0.6, jpeg_quality=5, erasing_fill="noise",
)  # fmt: skip


def test_the_augmentation_of_an_image_depends_only_on_its_own_key(images: np.ndarray):
    keys = jax.random.split(jax.random.key(0), COUNT)
    whole = np.asarray(compiled(EVERYTHING)(keys, images))
    turned = np.asarray(compiled(EVERYTHING)(jnp.roll(keys, 5), np.roll(images, 5, axis=0)))
    np.testing.assert_allclose(turned, np.roll(whole, 5, axis=0), atol=1e-4)
    assert np.std(whole) > 0.1


def test_slices_of_a_batch_are_augmented_like_the_whole_batch(images: np.ndarray):
    options, key = Augmentation(flip=0.5, rotation=10.0, contrast=0.3, erasing=0.5), jax.random.key(5)
    change = jax.jit(lambda pictures, first: augment_slice(key, pictures, SIDE, options, first=first))
    parts = np.concatenate([change(images[first : first + 16], first) for first in range(0, COUNT, 16)])
    keys = jax.vmap(jax.random.fold_in, (None, 0))(key, jnp.arange(COUNT))
    np.testing.assert_allclose(parts, compiled(options)(keys, images), atol=1e-5)
    assert not np.allclose(parts[16:32], change(images[16:32], 0), atol=0.01)


@given(seed=st.integers(0, 2**32 - 1), kind=st.sampled_from(["noise", "black", "white", "stripes", "dot"]))
def test_every_image_stays_finite_and_within_the_range(seed: int, kind: str):
    rng = np.random.default_rng(seed)
    pictures = np.zeros((COUNT, STORED, STORED, 3), np.uint8)
    if kind == "noise":
        pictures = rng.integers(0, 256, pictures.shape, np.uint8)
    elif kind == "white":
        pictures += 255
    elif kind == "stripes":
        pictures[:, ::2] = 255
    elif kind == "dot":
        pictures[:, STORED // 2, STORED // 2, rng.integers(3)] = 255
    result = np.asarray(compiled(EVERYTHING)(jax.random.split(jax.random.key(seed), COUNT), pictures))
    assert result.shape == (COUNT, SIDE, SIDE, 3)
    assert result.dtype == np.float32
    assert np.isfinite(result).all()
    assert np.abs(result).max() <= 1.0
