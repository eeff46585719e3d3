"""Augmentation: each option does to a picture what it says, and nothing when it is 0."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lfw_jax.data.augmentation import Augmentation, augment, centre

SIDE, STORED, COUNT = 16, 24, 64


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    """Smooth pictures, larger than what is shown by a margin of 4."""
    small = np.random.default_rng(0).integers(40, 216, (COUNT, 4, 4, 3)).astype(np.float32)
    return np.asarray(jax.image.resize(small, (COUNT, STORED, STORED, 3), "cubic")).clip(0, 255).astype(np.uint8)


def changed(images: np.ndarray, **options: float) -> np.ndarray:
    keys = jax.random.split(jax.random.key(3), len(images))
    return np.asarray(augment(keys, jnp.asarray(images), SIDE, Augmentation(**options)))


def test_without_options_the_central_square_is_shown(images: np.ndarray):
    expected = (images[:, 4:20, 4:20].astype(np.float32) - 127.5) / 127.5
    np.testing.assert_allclose(changed(images), expected, atol=1e-6)
    np.testing.assert_allclose(centre(jnp.asarray(images), SIDE), expected, atol=1e-6)


def test_a_flip_mirrors_whole_images_or_leaves_them(images: np.ndarray):
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


def test_saturation_keeps_grey_pictures_and_greyness(images: np.ndarray):
    grey = np.repeat(images[..., :1], 3, axis=-1)
    np.testing.assert_allclose(changed(grey, saturation=0.5), changed(grey), atol=1e-5)
    plain, other = changed(images), changed(images, saturation=0.3)
    weights = np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(other @ weights, plain @ weights, atol=0.02)
    assert np.abs(other - plain).max() > 0.02


def test_erasing_greys_one_rectangle_of_the_promised_size(images: np.ndarray):
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


def test_an_image_is_changed_by_its_own_key_alone(images: np.ndarray):
    options = Augmentation(0.5, 10.0, 0.1, 0.1, 0.1, 0.1, 0.1, 0.5)
    keys = jax.random.split(jax.random.key(0), COUNT)
    whole = augment(keys, jnp.asarray(images), SIDE, options)
    part = augment(keys[40:48], jnp.asarray(images[40:48]), SIDE, options)
    np.testing.assert_allclose(whole[40:48], part, atol=1e-5)
