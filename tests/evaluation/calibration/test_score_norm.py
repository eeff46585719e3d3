"""AS-norm with a cohort, beside a computation pair by pair."""

import dataclasses

import numpy as np
import pytest

from lfw_jax.errors import UserError
from lfw_jax.evaluation.calibration.normalise import evaluate_normalisation
from lfw_jax.evaluation.calibration.score_norm import (
    Cohort,
    cohort_statistics,
    image_rows,
    mean_cohort,
    normalised_measure,
    normalised_pairs,
)
from lfw_jax.evaluation.embeddings import EmbeddedImages
from tests.evaluation.calibration.small_splits import embedded, pairs_of, small_split


def test_scores_are_those_computed_pair_by_pair():
    images, cohort = embedded("test", 4, 3), mean_cohort(embedded("cohort", 9, 2, seed=1))
    pairs = pairs_of(images)
    found = normalised_pairs(pairs, images, normalised_measure(images, cohort, nearest=5))
    unit = images.embeddings / np.linalg.norm(images.embeddings, axis=1, keepdims=True)
    for distance, (one, other) in zip(found.distances, np.transpose(image_rows(pairs, images)), strict=True):
        halves = []
        for row in (one, other):
            nearest = sorted((float(unit[row] @ member) for member in cohort.embeddings), reverse=True)[:5]
            halves.append((float(unit[one] @ unit[other]) - np.mean(nearest)) / np.std(nearest))
        assert distance == pytest.approx(-np.mean(halves), rel=1e-5)
    np.testing.assert_array_equal(found.same, pairs.same)


def test_the_cohort_is_the_mean_direction_of_each_identity():
    images = embedded("cohort", 3, 2)
    cohort = mean_cohort(images)
    for name, member in zip(sorted(set(images.identities)), cohort.embeddings, strict=True):
        rows = images.embeddings[images.identities == name].astype(np.float64)
        mean = sum(row / np.linalg.norm(row) for row in rows)
        np.testing.assert_allclose(member, mean / np.linalg.norm(mean))


def test_length_of_embeddings_and_order_of_the_cohort_change_nothing():
    images, cohort = embedded("test", 4, 3), mean_cohort(embedded("cohort", 9, 2, seed=1))
    pairs = pairs_of(images)
    found = normalised_pairs(pairs, images, normalised_measure(images, cohort)).distances
    longer = dataclasses.replace(images, embeddings=4 * images.embeddings)
    turned = Cohort(cohort.embeddings[::-1])
    np.testing.assert_allclose(normalised_pairs(pairs, longer, normalised_measure(longer, turned)).distances, found)


def test_blocks_do_not_change_the_statistics(monkeypatch):
    images, cohort = embedded("test", 5, 3), mean_cohort(embedded("cohort", 9, 2, seed=1))
    whole = cohort_statistics(images.embeddings, cohort, 4)
    monkeypatch.setattr("lfw_jax.evaluation.calibration.score_norm._BLOCK", 4)
    np.testing.assert_allclose(cohort_statistics(images.embeddings, cohort, 4), whole)


def test_a_collapsed_embedding_has_finite_scores():
    images = dataclasses.replace(embedded("test", 4, 3), embeddings=np.ones((12, 8)))
    cohort = Cohort(np.full((5, 8), 8**-0.5))
    assert np.isfinite(normalised_pairs(pairs_of(images), images, normalised_measure(images, cohort)).distances).all()


def test_a_cohort_of_one_identity_is_refused():
    with pytest.raises(UserError, match="cohort of 1 identities, expected at least 2"):
        mean_cohort(embedded("cohort", 1, 4))


def test_pairs_that_do_not_fit_the_images_are_refused():
    images = embedded("test", 3, 2)
    pairs = pairs_of(images)
    assert pairs.identities is not None
    with pytest.raises(ValueError, match="expected the identities and image numbers"):
        image_rows(dataclasses.replace(pairs, images=None), images)
    others = pairs.identities.copy()
    others[0, 0] = "nobody"
    with pytest.raises(ValueError, match=r"nobody.*not among the embedded images"):
        image_rows(dataclasses.replace(pairs, identities=others), images)


def test_normalisation_helps_where_identities_differ_in_how_near_all_others_are():
    """Half of the identities lie in a dense region: their distances to everybody are small."""

    def faces(name: str, identities: int, seed: int) -> EmbeddedImages:
        base = embedded(name, identities, 4, dim=16, seed=seed)
        shift = np.zeros(16)
        shift[0] = 5.0
        dense = np.array([int(identity.split()[-1]) % 2 == 0 for identity in base.identities])
        return dataclasses.replace(base, embeddings=base.embeddings + dense[:, None] * shift)

    split = small_split({"test": faces("test", 40, 1), "held_out": faces("held-out identities", 30, 2)})
    result = evaluate_normalisation(split, faces("cohort", 400, 3), seed=0)
    assert result.after.equal_error_rate < result.before.equal_error_rate - 0.02
    assert result.after.accuracy > result.before.accuracy + 0.02
    assert (result.cohort_identities, result.cohort_images, result.nearest) == (400, 1600, 200)
