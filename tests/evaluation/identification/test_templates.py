"""Pooling: of equal images the image, of media before templates, by quality."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfw_jax.evaluation.identification.protocol import unit
from lfw_jax.evaluation.identification.templates import pool

EMBEDDINGS = np.random.default_rng(0).normal(size=(12, 5)).astype(np.float32)


@given(st.lists(st.integers(0, 2), min_size=1, max_size=9), st.integers(0, 11))
def test_a_template_of_equal_images_is_that_image(media: list[int], image: int):
    quality = np.linspace(0.2, 1, len(media))
    zeros = np.zeros(len(media), int)
    found = pool(7 * EMBEDDINGS, zeros + image, zeros, np.array(media), quality)
    np.testing.assert_allclose(found, unit(EMBEDDINGS[image : image + 1]), atol=1e-6)


def test_pooling_follows_its_definition():
    rng = np.random.default_rng(1)
    members, templates = rng.integers(0, 12, 60), np.sort(rng.integers(0, 5, 60))
    media, quality = rng.integers(0, 4, 60), rng.random(60)
    found = pool(EMBEDDINGS, members, templates, media, quality)
    normalised = EMBEDDINGS / np.linalg.norm(EMBEDDINGS, axis=1, keepdims=True)
    for template in range(5):
        total = np.zeros(5)
        for medium in range(4):
            rows = np.flatnonzero((templates == template) & (media == medium))
            if len(rows):
                total += np.mean([quality[row] * normalised[members[row]] for row in rows], axis=0)
        np.testing.assert_allclose(found[template], total / np.linalg.norm(total), atol=1e-6)


def test_a_video_counts_as_much_as_one_photo_and_its_frames_more_without_media():
    embeddings = np.eye(2)
    members, templates = np.array([0] * 9 + [1]), np.zeros(10, int)
    with_media = pool(embeddings, members, templates, np.array([3] * 9 + [4]))
    np.testing.assert_allclose(with_media, [[0.5**0.5, 0.5**0.5]], atol=1e-6)
    np.testing.assert_allclose(pool(embeddings, members, templates), unit(np.array([[9.0, 1.0]])), atol=1e-6)


@given(st.permutations(range(10)), st.floats(0.01, 100))
def test_order_and_scale_of_quality_change_nothing(order: list[int], scale: float):
    members, templates, media = np.arange(10), np.arange(10) // 4, np.arange(10) // 2
    quality = np.linspace(1, 2, 10)
    before = pool(EMBEDDINGS, members, templates, media, quality)
    after = pool(EMBEDDINGS, members[order], templates[order], media[order], scale * quality[order])
    np.testing.assert_allclose(before, after, atol=1e-6)


def test_an_image_of_quality_0_does_not_count():
    found = pool(EMBEDDINGS, np.array([0, 1]), np.zeros(2, int), None, np.array([0.0, 0.4]))
    np.testing.assert_allclose(found, unit(EMBEDDINGS[1:2]), atol=1e-6)


def test_vectors_that_cancel_have_no_direction():
    found = pool(np.array([[1.0, 0.3], [-1.0, -0.3], [2.0, 0.0]]), np.array([0, 1, 2]), np.array([0, 0, 1]))
    assert found.tolist() == [[0.0, 0.0], [1.0, 0.0]]


@pytest.mark.parametrize("quality", [[1.0, -0.1, 1.0], [1.0, 1.0, 0.0], [1.0, np.nan, 1.0]])
def test_a_quality_that_weighs_nothing_is_refused(quality: list[float]):
    with pytest.raises(ValueError, match="expected finite qualities"):
        pool(EMBEDDINGS, np.arange(3), np.array([0, 0, 1]), None, np.array(quality))
