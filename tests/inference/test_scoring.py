"""Scores of pair lists: distances derived independently, identities and numbers kept, and a cache of decoded images."""

import dataclasses

import numpy as np
import pytest

from lfw_jax.data.decoding.crop import CropGeometry
from lfw_jax.data.images import ImageSet
from lfw_jax.data.pair_list import PairList
from lfw_jax.data.protocols.evaluation_sets import EvaluationSet
from lfw_jax.errors import UserError
from lfw_jax.inference.embedder import Embedder
from lfw_jax.inference.representation import DecodedImages
from lfw_jax.inference.scoring import DecodedLists, score, score_raw_pixels

SIDE, MARGIN = 6, 1
GEOMETRY = CropGeometry(SIDE, margin=MARGIN)
FIRST = (("Ada", 1), ("Ada", 2), ("Grace", 1), ("Ada", 1))
SECOND = (("Ada", 2), ("Grace", 1), ("Grace", 2), ("Grace", 2))
PAIRS = PairList(FIRST, SECOND, np.array([True, False, True, False]), "toy", np.array([0, 0, 1, 1]))
PIXELS = np.random.default_rng(0).integers(0, 256, (4, SIDE + 2, SIDE + 2, 3), np.uint8)
IMAGES = ImageSet(("Ada", "Grace"), np.array([0, 0, 1, 1]), np.array([1, 2, 1, 2]), PIXELS, "pixels")
DECODED = DecodedImages(IMAGES, PIXELS)
INDEX = {("Ada", 1): 0, ("Ada", 2): 1, ("Grace", 1): 2, ("Grace", 2): 3}  # the order of first appearance


def distances(vectors: np.ndarray) -> list[float]:
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return [float(np.linalg.norm(unit[INDEX[a]] - unit[INDEX[b]])) for a, b in zip(FIRST, SECOND, strict=True)]


def test_scores_are_distances_of_unit_embeddings_with_the_identities_of_each_pair():
    weights = np.random.default_rng(1).normal(size=(SIDE * SIDE * 3, 5)).astype(np.float32)
    embedder = Embedder(lambda w, x: x.reshape(len(x), -1) @ w, weights, GEOMETRY, flip=False, batch_size=3)
    scored = score(embedder, PAIRS, DECODED)
    inside = (PIXELS[:, 1:-1, 1:-1].astype(np.float64) - 127.5) / 127.5
    np.testing.assert_allclose(scored.distances, distances(inside.reshape(4, -1) @ weights), rtol=1e-4)
    assert scored.name == "toy"
    np.testing.assert_array_equal(scored.same, PAIRS.same)
    np.testing.assert_array_equal(scored.folds, PAIRS.folds)
    assert scored.identities.tolist() == [[a, b] for (a, _), (b, _) in zip(FIRST, SECOND, strict=True)]
    assert scored.named
    assert not score(embedder, dataclasses.replace(PAIRS, named=False), DECODED).named
    assert scored.images.tolist() == [[a, b] for (_, a), (_, b) in zip(FIRST, SECOND, strict=True)]


def test_raw_pixels_are_compared_without_margin_mean_and_contrast():
    scored = score_raw_pixels(GEOMETRY, PAIRS, PIXELS)
    flat = PIXELS[:, 1:-1, 1:-1].reshape(4, -1).astype(np.float64)
    np.testing.assert_allclose(scored.distances, distances(flat - flat.mean(axis=1, keepdims=True)), rtol=1e-5)
    brighter = (PIXELS // 4).copy()
    brighter[0] = brighter[0] * 2 + 30
    brighter[:, 0] = 255  # the margin
    again = score_raw_pixels(GEOMETRY, PAIRS, brighter)
    np.testing.assert_allclose(again.distances, score_raw_pixels(GEOMETRY, PAIRS, PIXELS // 4).distances, atol=1e-6)


def test_images_of_another_size_and_a_list_of_one_kind_are_refused():
    embedder = Embedder(lambda w, x: x.reshape(len(x), -1)[:, :4] + w, np.float32(0), GEOMETRY)
    with pytest.raises(ValueError, match="expected uint8 images"):
        score(embedder, PAIRS, DecodedImages(IMAGES, PIXELS[:, 1:-1, 1:-1]))
    with pytest.raises(UserError, match="at least one of each"):
        score(embedder, PAIRS.where(PAIRS.same, "same"), DECODED)


def test_a_list_of_the_split_is_decoded_once_and_a_set_is_not_kept():
    asked = []

    def decode(pairs, of):
        asked.append((pairs.name, of))
        return PIXELS.copy()

    lists = DecodedLists(decode)
    first = lists.pixels(PAIRS)
    assert lists.pixels(PAIRS) is first
    other = PAIRS.where(np.arange(4), "other")
    assert lists.pixels(other) is not first
    images = ImageSet(("Ada", "Grace"), np.array([0, 0, 1, 1]), np.array([1, 2, 1, 2]), PIXELS, "pixels")
    party = EvaluationSet(PAIRS, images, frozenset())
    assert lists.pixels(PAIRS, party) is not lists.pixels(PAIRS, party)
    assert asked == [("toy", None), ("other", None), ("toy", party), ("toy", party)]
