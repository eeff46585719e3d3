"""The benchmark of threshold rules chooses on some identities and evaluates on others."""

import numpy as np
import pytest

from benchmarks import cross_pairs, threshold_rules
from lfw_jax.evaluation.scores import ScoredPairs
from lfw_jax.evaluation.threshold_models import RULES


def sampled(name: str = "test", pairs: int = 300, seed: int = 0) -> ScoredPairs:
    rng = np.random.default_rng(seed)
    people = rng.integers(30, size=(pairs, 2))
    people[::2, 1] = people[::2, 0]
    same = people[:, 0] == people[:, 1]
    distances = rng.normal(0.9, 0.15, pairs) + 0.45 * ~same
    return ScoredPairs(name, distances, same, np.char.add("p", people.astype(str)), np.ones((pairs, 2), int))


def test_a_draw_has_as_many_pairs_of_each_kind_of_the_drawn_identities_only():
    pairs = sampled()
    assert pairs.identities is not None
    found = list(threshold_rules.draws(pairs, 5, 20, np.random.default_rng(0)))
    assert len(found) == 20
    for chosen, (distances, same) in found:
        assert len(set(chosen.tolist())) == 5
        assert 2 * same.sum() == len(same)
        inside = np.isin(pairs.identities[:, 0], chosen)
        assert set(distances.tolist()) <= set(pairs.distances[inside].tolist())


def test_every_rule_is_near_the_optimum_of_normal_distances():
    test = sampled()
    for source in (test, sampled("development", seed=1)):
        found, pairs = threshold_rules.accuracies(test, source, 15, 10, 0)
        assert list(found) == list(RULES)
        assert 50 < pairs < 200
        assert all(values.mean() > 0.9 for values in found.values())  # Φ(1.5) is 93 %


def test_limits_change_the_pairs_and_identities_are_not_shared():
    images = cross_pairs.embedded(240, per_identity=6, dim=16, noise=0.8)
    found = threshold_rules.capped(images, 12, [0, 2], 3, 0)
    assert all(len(values) == 3 and values.min() > 0.7 for values in found.values())
    assert not np.array_equal(found[0], found[2])


def test_the_benchmark_of_all_pairs_checks_its_points():
    assert cross_pairs.equals_sorted(cross_pairs.embedded(120, per_identity=4, dim=8, noise=1.0))


@pytest.mark.parametrize("seed", [0, 1])
def test_the_same_seed_draws_the_same_identities(seed: int):
    one, again = (
        [chosen.tolist() for chosen, _ in threshold_rules.draws(sampled(), 4, 5, np.random.default_rng(seed))]
        for _ in range(2)
    )
    assert one == again
