"""Rates of closed and open sets, from brute force and by construction."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfw_jax.evaluation.embeddings import EmbeddedImages
from lfw_jax.evaluation.identification.cmc import clustered_interval, cmc, listed_ranks
from lfw_jax.evaluation.identification.identify import identify, identify_images
from lfw_jax.evaluation.identification.open_set import distance, false_positive_rates, open_set
from lfw_jax.evaluation.identification.protocol import Templates
from lfw_jax.evaluation.identification.results import IdentificationResult
from lfw_jax.evaluation.identification.search import search
from lfw_jax.typed_json import from_json, to_json
from tests.evaluation.identification.embedded import all_similarities, templates


def gallery_of(identities: int, *, seed: int = 7) -> Templates:
    every = templates(60 * identities, identities, seed=seed)
    return every.where(np.unique(every.subjects, return_index=True)[1], "gallery")


@settings(max_examples=30)
@given(st.integers(0, 999), st.floats(0.1, 3))
def test_a_cmc_never_falls_and_ends_at_one(seed: int, noise: float):
    probes, gallery = templates(50, 14, seed=seed, noise=noise), gallery_of(10)
    found = identify(probes, gallery, name="set").closed_set
    assert found is not None
    rates = [point.rate for point in found.cmc]
    assert rates == sorted(rates)
    assert rates[-1] == 1.0
    assert found.probes + found.without_mate == 50
    low, high = found.rank_1_interval
    assert 0 <= low <= rates[0] <= high <= 1


def test_rank_k_is_the_share_of_probes_whose_mate_is_among_the_k_most_similar():
    probes, gallery = templates(80, 12, seed=3), gallery_of(9)
    found = identify(probes, gallery, name="set").closed_set
    assert found is not None
    with_mate = np.isin(probes.subjects, gallery.subjects)
    order = np.argsort(-all_similarities(probes, gallery)[with_mate], axis=1)
    nearest = gallery.subjects[order] == probes.subjects[with_mate][:, None]
    for point in found.cmc:
        assert point.rate == pytest.approx(nearest[:, : point.rank].any(axis=1).mean())
    assert found.without_mate == np.sum(~with_mate)
    assert found.rate(2) == found.cmc[1].rate
    assert found.rate(10) is None  # there are nine entries


def test_listed_ranks_end_with_the_gallery():
    assert listed_ranks(3) == [1, 2, 3]
    assert listed_ranks(25) == [*range(1, 11), 20]
    assert listed_ranks(1000) == [*range(1, 11), 20, 30, 50, 70, 100, 200, 300, 500, 700, 1000]


def test_tpir_at_fpir_equals_the_count_over_every_threshold():
    probes, gallery = templates(400, 30, seed=5, noise=0.6), gallery_of(15)
    found = open_set(search(probes, gallery))
    assert found is not None
    similar = all_similarities(probes, gallery)
    mated = np.isin(probes.subjects, gallery.subjects)
    top = similar.max(axis=1)
    first = mated & (gallery.subjects[similar.argmax(axis=1)] == probes.subjects)
    assert (found.mated, found.non_mated) == (mated.sum(), (~mated).sum())
    assert {point.false_positive_rate for point in found.points} == {0.5, 0.2, 0.1, 0.05, 0.02, 0.01}
    for point in found.points:
        # The best TPIR of all thresholds between two similarities that keep the limit.
        best = 0.0
        for threshold in [*top.tolist()]:
            if np.mean(top[~mated] > threshold) <= point.false_positive_rate:
                best = max(best, np.sum(first & (top > threshold)) / mated.sum())
        assert point.true_positive_rate == pytest.approx(best)
        returned = np.sqrt(2 - 2 * top) < point.threshold - 1e-6
        assert returned[~mated].mean() == pytest.approx(point.measured_rate)
        assert point.measured_rate <= point.false_positive_rate
    assert found.true_positive_rate(0.1) == found.points[2].true_positive_rate
    assert found.true_positive_rate(0.001) is None


@settings(max_examples=30)
@given(st.integers(0, 999))
def test_a_looser_rate_never_returns_fewer_mates(seed: int):
    found = open_set(search(templates(150, 30, seed=seed), gallery_of(15)))
    assert found is not None
    rates = [point.true_positive_rate for point in found.points]
    assert rates == sorted(rates, reverse=True)  # points go from loose to strict


def test_rates_that_allow_less_than_one_false_positive_are_omitted():
    assert false_positive_rates(10) == [0.5, 0.2, 0.1]
    assert false_positive_rates(1000)[-1] == 0.001
    assert false_positive_rates(1) == []


def test_a_collapsed_network_identifies_nobody():
    probes = Templates("probes", np.ones((40, 4)), [str(index % 20) for index in range(40)])
    gallery = Templates("gallery", np.ones((10, 4)), [str(index) for index in range(10)])
    found = identify(probes, gallery, name="set")
    assert found.closed_set is not None
    assert found.open_set is not None
    assert [point.rate for point in found.closed_set.cmc] == [0.0] * 9 + [1.0]
    assert {point.true_positive_rate for point in found.open_set.points} == {0.0}


def test_distractors_lower_the_rates():
    probes, gallery = templates(200, 10, seed=2, noise=0.8), gallery_of(10)
    more = gallery.with_distractors(np.random.default_rng(0).normal(size=(300, 6)))
    before, after = (identify(probes, side, name="set") for side in (gallery, more))
    assert (after.gallery, after.identities, after.distractors) == (10, 10, 300)
    assert before.closed_set is not None
    assert after.closed_set is not None
    assert after.closed_set.cmc[0].rate < before.closed_set.cmc[0].rate
    assert after.closed_set.probes == before.closed_set.probes


def test_a_closed_set_has_no_open_set_rates_and_probes_without_any_mate_no_cmc():
    probes, gallery = templates(40, 12, seed=1), gallery_of(9)
    mated = np.isin(probes.subjects, gallery.subjects)
    result = identify(probes.where(mated, "probes"), gallery, name="set")
    assert result.open_set is None
    assert result.closed_set is not None
    assert result.closed_set.without_mate == 0
    alone = identify(probes.where(~mated, "probes"), gallery, name="set")
    assert (alone.closed_set, alone.open_set) == (None, None)
    with pytest.raises(ValueError, match="at least one probe with a mate"):
        cmc(search(probes.where(~mated, "probes"), gallery), probes.subjects[~mated], 9)


def test_the_images_of_a_list_make_gallery_and_probes():
    rng = np.random.default_rng(0)
    identities = np.array(["Ann", "Bob", "Ann", "Cy", "Bob", "Ann", "Dee"])
    numbers = np.array([5, 1, 2, 1, 2, 9, 4])  # Ann's first image is her second here
    images = EmbeddedImages("list", rng.normal(size=(7, 3)), identities, numbers)
    result = identify_images(images)
    assert result is not None
    assert (result.gallery, result.identities, result.distractors) == (2, 2, 0)
    assert result.closed_set is not None
    assert (result.closed_set.probes, result.closed_set.without_mate) == (3, 2)
    assert result.open_set is not None
    assert (result.open_set.mated, result.open_set.non_mated) == (3, 2)
    every = Templates("list", images.embeddings, identities)
    similar = all_similarities(every.where([0, 4, 5], "p"), every.where([2, 1], "g"))
    right = [similar[0, 0] > similar[0, 1], similar[1, 1] > similar[1, 0], similar[2, 0] > similar[2, 1]]
    assert result.closed_set.cmc[0].rate == pytest.approx(np.mean(right))
    assert result.retrieval is not None
    assert (result.retrieval.items, result.retrieval.queries) == (7, 5)
    alone = EmbeddedImages("list", rng.normal(size=(3, 3)), np.array(["Ann", "Ann", "Bob"]), np.arange(3))
    assert identify_images(alone) is None


def test_a_result_survives_its_file():
    rng = np.random.default_rng(0)
    images = EmbeddedImages("list", rng.normal(size=(40, 3)), rng.integers(0, 15, 40).astype(str), np.arange(40))
    result = identify_images(images)
    assert result is not None
    assert result.retrieval is not None
    assert from_json(IdentificationResult, to_json(result), source="file", remedy="Evaluate again.") == result
    bare = dataclasses.replace(result, closed_set=None, open_set=None, retrieval=None)
    assert set(to_json(bare)) == {"name", "gallery", "identities", "distractors"}


def test_the_distance_is_that_of_unit_vectors():
    items = templates(6, 3, seed=0).embeddings.astype(np.float64)
    np.testing.assert_allclose(
        distance((items[:3] * items[3:]).sum(axis=1)), np.linalg.norm(items[:3] - items[3:], axis=1), atol=1e-6
    )
    assert distance(np.float32(1.0000001)) == 0


def test_the_clustered_interval_is_wilsons_for_independent_trials_and_wider_for_equal_ones():
    rng = np.random.default_rng(0)
    success, count = rng.random(600) < 0.8, 600
    independent = clustered_interval(success, np.arange(count))
    assert np.ptp(independent) == pytest.approx(2 * 1.96 * np.sqrt(0.8 * 0.2 / 600), rel=0.1)
    # Every trial three times says nothing new.
    tripled = clustered_interval(np.repeat(success, 3), np.repeat(np.arange(count), 3))
    np.testing.assert_allclose(tripled, independent, atol=2e-3)
    assert clustered_interval(np.ones(30, bool), np.repeat([0, 1], 15))[0] == pytest.approx(0.34, abs=0.01)


def test_the_clustered_interval_covers_95_percent_where_wilsons_does_not():
    rng, groups, covered = np.random.default_rng(0), np.repeat(np.arange(80), 6), 0
    for _ in range(1000):
        chance = np.clip(rng.beta(4, 1, 80), 0, 1)  # mean 0.8
        low, high = clustered_interval(rng.random(480) < chance[groups], groups)
        covered += low <= 0.8 <= high
    assert 0.93 <= covered / 1000 <= 0.97
