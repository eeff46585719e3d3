"""The weights of the bootstrap over identities, against a loop and against their moments."""

import numpy as np
import pytest

from lfw_jax.evaluation.intervals.bootstrap import KINDS, identity_weights
from lfw_jax.evaluation.intervals.identity_graph import identity_graph

NAMES = np.array([["a", "a"], ["a", "b"], ["b", "c"], ["c", "b"], ["d", "d"], ["d", "d"], ["a", "d"]])


def weights(identities, **options):
    return np.concatenate(list(identity_weights(identities, **options)))


@pytest.mark.parametrize("kind", KINDS)
def test_a_pair_weighs_the_product_of_its_identities_and_a_same_pair_its_identity(kind):
    found = weights(NAMES, resamples=50, kind=kind, seed=3)
    of_identity = {"a": found[:, 0], "d": found[:, 4]}
    np.testing.assert_array_equal(found[:, 4], found[:, 5])
    np.testing.assert_array_equal(found[:, 2], found[:, 3])
    np.testing.assert_array_equal(found[:, 6], of_identity["a"] * of_identity["d"])


def test_the_vertex_bootstrap_draws_as_many_identities_as_there_are():
    loops = np.repeat(np.arange(40), 2).reshape(40, 2)
    found = weights(loops, resamples=200, seed=1)
    np.testing.assert_array_equal(found.sum(axis=1), 40)
    assert set(np.unique(weights(loops, resamples=200, kind="double_or_nothing"))) == {0.0, 2.0}


@pytest.mark.parametrize("kind", KINDS)
def test_weights_have_mean_one_and_the_moments_of_products_of_independent_weights(kind):
    count = 30
    first, second = np.triu_indices(count)
    graph = identity_graph(np.stack([first, second], axis=1))
    found = weights(graph, resamples=20_000, kind=kind, seed=5)
    loops, edges = found[:, first == second], found[:, first != second]
    assert loops.mean() == pytest.approx(1, abs=0.01)
    assert edges.mean() == pytest.approx(1, abs=0.05)
    assert loops.var(axis=0).mean() == pytest.approx(1, abs=0.05)
    # Var(W W') = E[W²]² - 1 = 3 for independent weights with mean 1 and variance 1.
    assert edges.var(axis=0).mean() == pytest.approx(3, rel=0.15)


@pytest.mark.parametrize("kind", KINDS)
def test_equal_seeds_give_equal_weights_whatever_the_blocks(kind):
    whole = weights(NAMES, resamples=23, kind=kind, seed=7, block=23)
    np.testing.assert_array_equal(weights(NAMES, resamples=23, kind=kind, seed=7, block=4), whole)
    np.testing.assert_array_equal(weights(NAMES, resamples=23, kind=kind, seed=7), whole)
    assert (weights(NAMES, resamples=23, kind=kind, seed=8) != whole).any()


def test_what_cannot_be_resampled_is_refused():
    with pytest.raises(ValueError, match="one of vertex, double_or_nothing"):
        identity_weights(NAMES, kind="pairs")
    with pytest.raises(ValueError, match="at least 1"):
        identity_weights(NAMES, resamples=0)
    with pytest.raises(ValueError, match=r"\[pairs, 2\]"):
        identity_weights(np.zeros((3, 1)))
