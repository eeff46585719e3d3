"""Intervals of rates: properties, and the variance by a derivation over all couples of pairs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lfw_jax.evaluation.intervals.dependence import effective_pairs, fully_dependent_pairs, shared_products
from lfw_jax.evaluation.intervals.identity_graph import identity_graph, unknown_identities
from lfw_jax.evaluation.intervals.interval import WILSON_BY_IDENTITIES, WILSON_INDEPENDENT
from lfw_jax.evaluation.intervals.rates import rate_interval
from lfw_jax.evaluation.thresholds import wilson_interval


@st.composite
def pairs_with_events(draw):
    count = draw(st.integers(2, 40))
    seed = draw(st.integers(0, 2**32 - 1))
    generator = np.random.default_rng(seed)
    identities = generator.integers(0, draw(st.integers(1, 30)), (count, 2))
    return identities, generator.random(count) < draw(st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]))


def share_an_identity(identities):
    """Return the matrix [pairs, pairs] that is true where two pairs have an identity in common."""
    first, second = identities.T
    return np.array([[bool({i, j} & {k, m}) for k, m in zip(first, second, strict=True)] for i, j in identities])


@given(pairs_with_events())
def test_shared_products_equal_a_sum_over_all_couples_of_pairs(case):
    identities, events = case
    residuals = events - events.mean()
    shared = share_an_identity(identities)
    np.fill_diagonal(shared, False)
    assert shared_products(residuals, identity_graph(identities)) == pytest.approx(
        residuals @ shared @ residuals, abs=1e-9
    )


@given(pairs_with_events())
def test_the_correlation_gives_the_observed_products_in_expectation(case):
    identities, events = case
    graph, count = identity_graph(identities), len(events)
    shared = share_an_identity(identities).astype(float)
    effective = effective_pairs(events, graph)
    lowest = fully_dependent_pairs(graph)
    assert lowest <= effective.pairs * (1 + 1e-9)
    assert effective.pairs <= count
    residuals = events - events.mean()
    equal = np.array([[{*one} == {*other} for other in identities.tolist()] for one in identities.tolist()])
    most = count * residuals @ residuals / max(residuals @ equal @ residuals, 1e-12) if residuals.any() else count
    if not lowest * (1 + 1e-6) < effective.pairs < min(most, count) * (1 - 1e-6):
        return  # no dependence, or nothing known of it, or that of equal pairs alone
    others = shared - np.eye(count)
    correlation = (count / effective.pairs - 1) * count / others.sum()
    # Residuals are C y with the centring matrix C, and y has the covariance I + correlation * others.
    centring = np.eye(count) - 1 / count
    covariance = centring @ (np.eye(count) + correlation * others) @ centring
    expected = np.sum(covariance * others) / np.trace(covariance)
    assert residuals @ others @ residuals / np.sum(residuals**2) == pytest.approx(expected, rel=1e-6, abs=1e-9)


@given(pairs_with_events(), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_the_interval_contains_the_rate_widens_with_the_level_and_is_no_narrower_than_wilson(case, level):
    identities, events = case
    graph = identity_graph(identities)
    found, wider = (rate_interval(events, graph, confidence=c) for c in (level, level + 0.009))
    assert 0 <= wider.low <= found.low <= events.mean() <= found.high <= wider.high <= 1
    low, high = wilson_interval(int(events.sum()), len(events), level)
    assert found.low <= low + 1e-12
    assert found.high >= high - 1e-12
    assert (found.method, found.level) == (WILSON_BY_IDENTITIES, level)


@given(st.integers(1, 50), st.data())
def test_identities_in_one_pair_each_give_wilsons_interval(count, data):
    events = np.array(data.draw(st.lists(st.booleans(), min_size=count, max_size=count)))
    different = identity_graph(np.arange(2 * count).reshape(count, 2))
    same = identity_graph(np.repeat(np.arange(count), 2).reshape(count, 2))
    expected = wilson_interval(int(events.sum()), count)
    for graph in (different, same, unknown_identities(count)):
        found = rate_interval(events, graph)
        assert found.ends == pytest.approx(expected, abs=1e-12)
        assert found.effective_pairs == pytest.approx(count)
    assert rate_interval(events, unknown_identities(count)).method == WILSON_INDEPENDENT


@given(pairs_with_events(), st.randoms(use_true_random=False))
def test_neither_the_order_of_pairs_nor_the_names_nor_the_sides_matter(case, random):
    identities, events = case
    expected = rate_interval(events, identity_graph(identities)).ends
    order = random.sample(range(len(events)), len(events))
    count = int(identities.max()) + 1
    names = np.array([f"identity {i}" for i in random.sample(range(count), count)])
    for changed, of_changed in (
        (identities[order], events[order]),
        (names[identities], events),
        (identities[:, ::-1], events),
    ):
        assert rate_interval(of_changed, identity_graph(changed)).ends == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("times", [2, 5])
def test_repeating_every_pair_does_not_shrink_the_interval(times):
    generator = np.random.default_rng(0)
    for _ in range(20):
        identities = generator.integers(0, 60, (100, 2))
        events = generator.random(100) < 0.3
        once = rate_interval(events, identity_graph(identities))
        repeated = rate_interval(np.tile(events, times), identity_graph(np.tile(identities, (times, 1))))
        assert repeated.high - repeated.low >= 0.97 * (once.high - once.low)
        naive = wilson_interval(int(events.sum()) * times, 100 * times)
        assert naive[1] - naive[0] < 0.8 * (repeated.high - repeated.low)


def test_without_events_identities_count_and_not_pairs():
    first, second = np.triu_indices(20, 1)
    complete = identity_graph(np.stack([first, second], axis=1))
    found = rate_interval(np.zeros(190, bool), complete)
    assert found.effective_pairs == pytest.approx(10)
    assert found.ends == pytest.approx((0.0, stats.norm.ppf(0.975) ** 2 / (10 + stats.norm.ppf(0.975) ** 2)))
    same = identity_graph(np.repeat(np.arange(20), 6).reshape(60, 2))
    assert rate_interval(np.ones(60, bool), same).effective_pairs == pytest.approx(20)


def test_pairs_that_all_share_one_identity_say_nothing_of_their_dependence():
    star = identity_graph(np.stack([np.zeros(30, int), np.arange(1, 31)], axis=1))
    found = rate_interval(np.arange(30) % 3 == 0, star)
    assert found.effective_pairs == pytest.approx(fully_dependent_pairs(star))
    assert found.effective_pairs < 2


def test_residuals_that_cancel_within_every_identity_have_degrees_of_freedom():
    ring = np.stack([np.arange(8), (np.arange(8) + 1) % 8], axis=1)
    events = np.arange(8) % 2 == 0
    once = effective_pairs(events, identity_graph(ring))
    assert (once.pairs, once.degrees_of_freedom) == (8, np.inf)
    twice = effective_pairs(np.tile(events, 2), identity_graph(np.tile(ring, (2, 1))))
    assert twice.pairs == pytest.approx(8)
    # Eight pairs carry the variance, half of which is due to repetition.
    assert twice.degrees_of_freedom == pytest.approx(8 / 0.5**2)


def test_the_accuracy_takes_residuals_from_the_mean_of_the_kind():
    # All errors are those of same pairs: their share is fixed by the list, so it is no dependence.
    generator = np.random.default_rng(1)
    same = np.repeat([True, False], 200)
    identities = np.concatenate([np.repeat(np.arange(20), 20).reshape(200, 2), generator.integers(0, 200, (200, 2))])
    wrong = same & (generator.random(400) < 0.5)
    graph = identity_graph(identities)
    pooled, by_kind = effective_pairs(wrong, graph).pairs, effective_pairs(wrong, graph, same).pairs
    assert by_kind > 1.5 * pooled


def test_what_is_no_list_of_events_is_refused():
    graph = identity_graph(np.arange(6).reshape(3, 2))
    with pytest.raises(ValueError, match="as many pairs"):
        rate_interval(np.ones(2, bool), graph)
    with pytest.raises(ValueError, match="confidence"):
        rate_interval(np.ones(3, bool), graph, confidence=1.0)
