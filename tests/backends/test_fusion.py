"""Score fusion: its optimum, its invariances and what it does with useless members."""

import doctest

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from lfw_jax.backends import fusion
from lfw_jax.backends.fusion import equal_weights, fit_fusion, fuse
from lfw_jax.errors import UserError


def problem(
    seed: int = 0, pairs: int = 600, separations: tuple[float, ...] = (2.0, 1.0, 0.5)
) -> tuple[np.ndarray, np.ndarray]:
    """Return Gaussian scores whose means differ by these multiples of their deviation, with a third of same pairs."""
    rng = np.random.default_rng(seed)
    same = np.arange(pairs) % 3 == 0
    return rng.normal(size=(pairs, len(separations))) + np.outer(same, separations), same


def test_the_weights_are_those_of_logistic_regression_with_equal_weight_of_both_kinds():
    scores, same = problem()
    inputs = (scores - scores.mean(axis=0)) / scores.std(axis=0)
    model = LogisticRegression(C=np.inf, class_weight="balanced", tol=1e-10, max_iter=10000).fit(inputs, same)
    found = fit_fusion(scores, same, nonnegative=False, regularisation=1e-9)
    np.testing.assert_allclose(fuse(found, scores), model.decision_function(inputs), rtol=1e-3, atol=1e-3)


def test_gaussian_scores_give_their_log_likelihood_ratio():
    scores, same = problem(pairs=60000)
    found = fit_fusion(scores, same, regularisation=1e-6)
    np.testing.assert_allclose(found.weights, [2.0, 1.0, 0.5], atol=0.05)  # separation over variance
    assert found.bias == pytest.approx(-(2.0**2 + 1.0 + 0.5**2) / 2, abs=0.1)


@given(seed=st.integers(0, 10**6), order=st.permutations(range(3)))
def test_permuting_the_members_permutes_the_weights(seed, order):
    scores, same = problem(seed, pairs=120)
    for fit in (fit_fusion, equal_weights):
        expected, found = fit(scores, same), fit(scores[:, order], same)
        np.testing.assert_allclose(found.weights, expected.weights[order], rtol=1e-5, atol=1e-6)
        assert found.bias == pytest.approx(expected.bias, rel=1e-5, abs=1e-6)


@given(seed=st.integers(0, 10**6), scale=st.floats(1e-3, 1e3), shift=st.floats(-10, 10))
def test_scale_and_shift_of_a_members_scores_change_no_fused_score(seed, scale, shift):
    scores, same = problem(seed, pairs=120)
    changed = scores * [1, scale, 1] + [0, shift, 0]
    for fit in (fit_fusion, equal_weights):
        found = fuse(fit(changed, same), changed)
        np.testing.assert_allclose(found, fuse(fit(scores, same), scores), rtol=1e-5, atol=1e-5)


def test_a_useless_member_gets_no_weight():
    scores, same = problem(pairs=6000, separations=(2.0, 0.0))
    found = fit_fusion(scores, same)
    assert found.weights[1] < 0.05 * found.weights[0]
    constant = np.concatenate([scores[:, :1], np.full((6000, 1), 7.0)], axis=1)
    assert fit_fusion(constant, same).weights[1] == 0


def test_no_member_votes_against_its_score_unless_it_may():
    scores, same = problem()
    scores[:, 2] = scores[:, 0] + scores[:, 1] + np.random.default_rng(1).normal(size=len(same)) - 2 * same
    assert fit_fusion(scores, same, nonnegative=False).weights[2] < -0.1
    held = fit_fusion(scores, same)
    assert held.weights[2] == 0
    assert (held.weights[:2] > 0).all()


def test_separable_scores_have_finite_weights():
    scores = np.array([[1.0], [2.0], [-1.0], [-2.0]])
    found = fit_fusion(scores, scores[:, 0] > 0)
    assert 0 < found.weights[0] < 20


def test_equal_weights_add_standardised_scores():
    scores, same = problem()
    found = equal_weights(scores, same)
    centre = (scores[same].mean(axis=0) + scores[~same].mean(axis=0)) / 2
    spread = np.sqrt(
        (np.mean((scores[same] - centre) ** 2, axis=0) + np.mean((scores[~same] - centre) ** 2, axis=0)) / 2
    )
    np.testing.assert_allclose(found.weights * spread, found.weights[0] * spread[0])


def test_jax_arrays_are_fused():
    scores, same = problem()
    found = fit_fusion(scores, same)
    np.testing.assert_allclose(fuse(found, jnp.asarray(scores)), fuse(found, scores), rtol=1e-4, atol=1e-4)


def test_wrong_arguments_are_refused():
    scores, same = problem()
    with pytest.raises(UserError, match="found 600 same and 0 different pairs"):
        fit_fusion(scores, np.ones(600, bool))
    with pytest.raises(ValueError, match=r"found the shapes \(600, 3\) and \(599,\)"):
        fit_fusion(scores, same[1:])
    with pytest.raises(ValueError, match="regularisation above 0, found 0"):
        fit_fusion(scores, same, regularisation=0)
    scores[0, 0] = np.inf
    with pytest.raises(ValueError, match="NaN or infinity"):
        equal_weights(scores, same)


def test_the_example_gives_what_it_says():
    assert doctest.testmod(fusion).failed == 0
