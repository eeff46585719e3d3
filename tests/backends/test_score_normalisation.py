"""AS-norm of any scores; `tests/evaluation/calibration/test_score_norm.py` tests it on cosine similarities of images."""

import doctest

import numpy as np
import pytest

from lfw_jax.backends import score_normalisation
from lfw_jax.backends.score_normalisation import as_norm, cohort_moments


def test_a_linear_change_of_all_scores_changes_no_normalised_score():
    rng = np.random.default_rng(0)
    cohort, scores = rng.normal(size=(6, 30)), rng.normal(size=6)
    expected = as_norm(scores, cohort_moments(cohort, 5), cohort_moments(cohort[::-1], 5))
    cohort, scores = 3 * cohort + 7, 3 * scores + 7
    found = as_norm(scores, cohort_moments(cohort, 5), cohort_moments(cohort[::-1], 5))
    np.testing.assert_allclose(found, expected)


def test_the_pair_and_its_reverse_have_the_same_score():
    rng = np.random.default_rng(1)
    one, other, scores = (
        cohort_moments(rng.normal(size=(4, 9))),
        cohort_moments(rng.normal(size=(4, 9))),
        rng.normal(size=4),
    )
    np.testing.assert_array_equal(as_norm(scores, one, other), as_norm(scores, other, one))


def test_a_matrix_of_scores_is_normalised_as_its_pairs():
    rng = np.random.default_rng(2)
    rows, columns = cohort_moments(rng.normal(size=(4, 9))), cohort_moments(rng.normal(size=(3, 9)))
    scores = rng.normal(size=(4, 3))
    found = as_norm(scores, (rows[0][:, None], rows[1][:, None]), columns)
    expected = as_norm(scores[2], (rows[0][[2, 2, 2]], rows[1][[2, 2, 2]]), columns)
    np.testing.assert_allclose(found[2], expected)


def test_a_cohort_that_has_no_deviation_is_refused():
    for scores, nearest in ((np.ones((3, 1)), 200), (np.ones((3, 5)), 1), (np.ones(5), 2)):
        with pytest.raises(ValueError, match="at least 2 members and nearest of at least 2"):
            cohort_moments(scores, nearest)


def test_the_examples_give_what_they_say():
    assert doctest.testmod(score_normalisation).failed == 0
