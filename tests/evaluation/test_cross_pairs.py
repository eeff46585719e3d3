"""All pairs of the images of a list: the error rates equal those of all distances sorted, in constant memory."""

import dataclasses
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfw_jax.evaluation import pair_blocks
from lfw_jax.evaluation.cross_pairs import all_pairs
from lfw_jax.evaluation.embeddings import EmbeddedImages
from lfw_jax.evaluation.error_rates import error_rates
from lfw_jax.evaluation.roc import roc_auc
from lfw_jax.evaluation.verification import pair_distances

RESOLUTION = 4 / pair_blocks.BINS  # of squared distances


def sampled(images: int, identities: int, dim: int = 12, noise: float = 0.8, seed: int = 0) -> EmbeddedImages:
    rng = np.random.default_rng(seed)
    labels = rng.integers(identities, size=images)
    labels[: 2 * min(identities, 2)] = [0, 0, 1, 1][: 2 * min(identities, 2)]
    embeddings = rng.normal(size=(identities, dim))[labels] + noise * rng.normal(size=(images, dim))
    return EmbeddedImages("test", embeddings, np.array([f"p{label}" for label in labels]), np.arange(images))


def listed(images: EmbeddedImages) -> tuple[np.ndarray, np.ndarray]:
    """The distance and kind of every pair, as a list."""
    first, second = np.triu_indices(len(images), 1)
    return pair_distances(images.embeddings, first, second), images.identities[first] == images.identities[second]


def assert_exact(images: EmbeddedImages, thresholds: dict[str, float], *, coarse: float = 1e-3) -> None:
    distances, same = listed(images)
    found, expected = all_pairs(images, thresholds), error_rates(distances, same)
    assert (found.images, found.identities) == (len(images), len(set(images.identities.tolist())))
    assert found.rates.points == expected.points
    assert all(point.exact for point in found.rates.points)
    for point, (label, threshold) in zip(found.chosen, thresholds.items(), strict=True):
        assert (point.label, point.threshold, point.rate) == (label, threshold, None)
        assert point.false_matches == np.sum(distances[~same] < threshold)
        assert point.false_non_matches == np.sum(distances[same] >= threshold)
    assert found.auc == pytest.approx(roc_auc(distances, same), abs=coarse)
    assert found.rates.equal_error_rate == pytest.approx(expected.equal_error_rate, abs=max(coarse, 0.01))


@settings(max_examples=25)
@given(st.integers(0, 1000), st.integers(6, 400), st.integers(2, 60), st.sampled_from([2, 16, 300]))
def test_thresholds_and_counts_are_those_of_all_distances(seed: int, images: int, identities: int, dim: int):
    assert_exact(sampled(images, identities, dim, seed=seed), {"accuracy": 0.9, "far": 2.0, "none": 0.0})


def test_blocks_of_any_size_cover_every_pair_once(monkeypatch):
    images = sampled(150, 7)
    monkeypatch.setattr(pair_blocks, "_ROWS", 16)
    monkeypatch.setattr(pair_blocks, "_COLUMNS", 24)
    blocks = pair_blocks.PairBlocks(images)
    same, different = pair_blocks.pair_histogram(blocks)
    distances, kinds = listed(images)
    assert (same.sum(), different.sum()) == (kinds.sum(), (~kinds).sum()) == (blocks.same_pairs, blocks.different_pairs)
    for counts, kind in ((same, kinds), (different, ~kinds)):
        exact = np.histogram(distances[kind] ** 2, np.linspace(0, 4, pair_blocks.BINS + 1))[0]
        assert np.abs(np.cumsum(counts) - np.cumsum(exact)).max() <= 3  # pairs beside a bin edge
    assert_exact(images, {"one": 1.1})


def test_near_duplicates_and_zeros_keep_their_float64_distances():
    images = sampled(60, 8, dim=64)
    embeddings = images.embeddings.copy()
    embeddings[20:40] = embeddings[0] * (1 + 1e-6 * np.random.default_rng(0).normal(size=(20, 64)))
    embeddings[50:53] = 0  # no direction: distance 0 to one another, 1 to all others
    images = dataclasses.replace(images, embeddings=embeddings)
    distances, _ = listed(images)
    tiny = float(np.median(distances[(distances > 0) & (distances < 1e-4)]))
    # In float32, 2 − 2 x·y of such pairs is rounding noise of about 1e-7, a distance of 3e-4.
    assert_exact(images, {"tiny": tiny, "one": 1.0, "above one": float(np.nextafter(1, 2))}, coarse=0.02)


def test_the_margin_exceeds_the_rounding_of_float32():
    images = sampled(500, 50, dim=512, noise=0.2)
    blocks = pair_blocks.PairBlocks(images)
    worst = 0.0
    for block in blocks:
        rows, columns = np.indices(block.bins.shape)
        first, second = blocks.order[rows.ravel() + block.rows], blocks.order[columns.ravel() + block.columns]
        exact = pair_distances(images.embeddings, first, second) ** 2 / RESOLUTION
        worst = max(worst, float(np.abs(np.floor(exact) - block.bins.ravel()).max()))
    assert 2 * worst <= blocks.margin < 8


def test_a_window_with_too_many_pairs_is_counted_by_whole_bins_and_marked():
    images = sampled(200, 20)
    distances, same = listed(images)
    found = all_pairs(images, {"given": 0.9}, most_measured=0)
    for point, exact in zip(
        (*found.rates.points[:3], *found.chosen), (*error_rates(distances, same).points[:3], None), strict=True
    ):
        assert not point.exact
        assert point.threshold is not None
        assert point.false_matches == pytest.approx(np.sum(distances[~same] < point.threshold), abs=60)
        if exact is not None:
            assert exact.threshold is not None
            assert point.threshold**2 == pytest.approx(exact.threshold**2, abs=3 * RESOLUTION)
            assert point.false_match_rate <= point.rate


def test_a_collapsed_model_is_at_chance():
    images = dataclasses.replace(sampled(80, 9), embeddings=np.ones((80, 4), np.float32))
    found = all_pairs(images)
    assert found.rates.equal_error_rate == pytest.approx(0.5)
    assert found.auc == pytest.approx(0.5)
    assert found.curve == ()
    assert found.rates.points[0].false_matches == 0


def test_the_curve_falls_while_the_false_match_rate_rises():
    found = all_pairs(sampled(900, 60))
    rates, rejected = np.array(found.curve).T
    assert (np.diff(rates) > 0).all()
    assert (np.diff(rejected) <= 0).all()
    assert rates[0] < 1e-4 < 0.5 < rates[-1] < 1
    assert 30 < len(rates) < 70


def test_images_of_one_identity_or_of_one_image_each_are_refused():
    images = sampled(6, 2)
    for names in (["a"] * 6, list("abcdef")):
        with pytest.raises(ValueError, match="expected both"):
            all_pairs(dataclasses.replace(images, identities=np.array(names)))


def test_memory_does_not_grow_with_the_number_of_pairs():
    peaks = []
    for count in (1500, 3000):
        images = sampled(count, count // 3)
        tracemalloc.start()
        all_pairs(images)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]
    assert peaks[1] < 40e6  # all distances would take 4.5 million · 8 bytes, and their kinds
