"""Named backends: the chain, the options, and saving."""

import doctest
import io

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lfw_jax.backends import backend, cosine, joint_bayesian, lda
from lfw_jax.backends.backend import FittedBackend
from lfw_jax.backends.fitting import fit_backend
from lfw_jax.backends.pca import fit_pca
from lfw_jax.backends.projection import project
from lfw_jax.backends.registry import BACKENDS
from lfw_jax.errors import UserError
from tests.backends.gaussian_identities import covariance, sampled

OPTIONS = {"cosine": {}, "lda": {"dimension": 4}, "joint_bayesian": {"iterations": 5}, "plda": {"dimension": 3}}
CHAINS = (
    {},
    {"unit_length": False},
    {"pca_dimension": 6, "whitening": 0.25},
    {"pca_dimension": 5, "unit_length": False},
)


def problem(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    features, labels = sampled([1, 2, 3, 4, 5] * 12, covariance(8, 2.0, rng), covariance(8, 0.5, rng), rng)
    return features + 1.0, labels


def fitted(name: str, **chain: object) -> FittedBackend:
    return fit_backend(name, *problem(), **OPTIONS[name], **chain)


def test_the_chain_is_pca_then_length_root_d_then_the_model():
    features, labels = problem()
    one = project(fit_pca(features, 6), features)
    one *= (np.sqrt(6) / np.linalg.norm(one, axis=1))[:, None]
    model = joint_bayesian.fit_joint_bayesian(one, labels, iterations=5)
    found = fitted("joint_bayesian", pca_dimension=6).score_matrix(features, features)
    np.testing.assert_allclose(found, joint_bayesian.score_matrix(model, one, one), rtol=1e-6, atol=1e-6)
    directions = lda.fit_lda(one, labels, dimension=4)
    expected = cosine.cosine_matrix(project(directions, one), project(directions, one))
    found = fitted("lda", pca_dimension=6).score_matrix(features, features)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("chain", CHAINS, ids=str)
@pytest.mark.parametrize("name", BACKENDS)
def test_scores_matrix_and_embedding_agree(name, chain):
    found, (first, second) = fitted(name, **chain), np.random.default_rng(1).normal(size=(2, 9, 8))
    scores = found.scores(first, second)
    np.testing.assert_allclose(np.diag(found.score_matrix(first, second)), scores, rtol=1e-9, atol=1e-9)
    (one, one_offsets), (other, other_offsets) = found.embedding(first), found.embedding(second)
    distances = np.sum((one - other) ** 2, axis=1)
    np.testing.assert_allclose(
        found.constant - distances / 2 + one_offsets + other_offsets, scores, rtol=1e-8, atol=1e-8
    )


@pytest.mark.parametrize("chain", CHAINS, ids=str)
@pytest.mark.parametrize("name", BACKENDS)
def test_a_saved_backend_gives_exactly_the_same_scores(name, chain):
    found, features = fitted(name, **chain), problem(1)[0]
    file = io.BytesIO()
    np.savez(file, **found.to_arrays())
    file.seek(0)
    with np.load(file, allow_pickle=False) as arrays:
        loaded = FittedBackend.from_arrays(arrays)
    np.testing.assert_array_equal(loaded.score_matrix(features, features), found.score_matrix(features, features))
    assert loaded.to_arrays().keys() == found.to_arrays().keys()
    for key, value in found.to_arrays().items():
        np.testing.assert_array_equal(loaded.to_arrays()[key], value)


@pytest.mark.parametrize("name", BACKENDS)
def test_jax_arrays_are_scored_under_jit(name):
    found, features = fitted(name, pca_dimension=6), problem(1)[0][:6].astype(np.float32)
    matrix = jax.jit(found.score_matrix)(jnp.asarray(features), jnp.asarray(features))
    assert isinstance(matrix, jax.Array)
    np.testing.assert_allclose(matrix, found.score_matrix(features, features), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", ["lda", "joint_bayesian", "plda"])
def test_a_learned_backend_separates_unseen_identities_better_than_cosine_similarity(name):
    rng = np.random.default_rng(2)
    between, within = np.diag([2.0] * 3 + [0.01] * 5), np.diag([0.2] * 3 + [3.0] * 5)
    training, (features, labels) = sampled([4] * 80, between, within, rng), sampled([4] * 30, between, within, rng)
    first, second = np.triu_indices(len(labels), 1)
    same = labels[first] == labels[second]

    def separation(found: FittedBackend) -> float:
        scores = found.scores(features[first], features[second])
        return (scores[same].mean() - scores[~same].mean()) / np.sqrt(scores[same].var() / 2 + scores[~same].var() / 2)

    options = {} if name == "joint_bayesian" else {"dimension": 3}
    learned = separation(fit_backend(name, *training, **options))
    assert learned > separation(fit_backend("cosine", *training)) + 0.5


def test_counts_in_bytes_are_taken_the_root_of():
    counts = np.random.default_rng(3).integers(0, 50, (60, 20)).astype(np.uint8)
    found = fit_backend("cosine", counts, np.arange(60), pca_dimension=5, root=True)
    roots = np.sqrt(counts.astype(np.float32))
    expected = fit_backend("cosine", roots, np.arange(60), pca_dimension=5)
    np.testing.assert_allclose(found.score_matrix(counts, counts), expected.score_matrix(roots, roots), atol=1e-5)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("joint_bayes", {}, "name is 'joint_bayes'; the known backends are cosine, lda, joint_bayesian, plda"),
        (
            "cosine",
            {"iterations": 3},
            "backend.iterations: cosine has no such option; it has pca_dimension, root, seed",
        ),
        (
            "lda",
            {"shrink": 0.1},
            "backend.shrink: lda has no such option; it has dimension, pca_dimension, root, seed, shrinkage",
        ),
        ("plda", {}, "backend.dimension is missing; plda needs it"),
        ("joint_bayesian", {"iterations": 2.5}, "backend.iterations is 2.5; expected a whole number"),
        ("joint_bayesian", {"iterations": -1}, "expected iterations and a tolerance of at least 0, found -1"),
        ("lda", {"shrinkage": 2.0}, "shrinkage between 0 and 1, found 2.0"),
        ("cosine", {"whitening": 0.5}, "whitening and root are options of PCA; set pca_dimension"),
        ("cosine", {"pca_dimension": 3, "whitening": 0.7}, "whitening between 0 and 0.5, found 0.7"),
        ("cosine", {"pca_dimension": 9}, "the dimension is 9; expected at least 1 and at most 8"),
    ],
)
def test_a_wrong_option_is_refused_with_what_is_right(name, options, message):
    with pytest.raises(UserError, match=message):
        fit_backend(name, *problem(), **options)


def test_none_stands_for_all_directions_of_lda():
    features, labels = problem()
    assert fit_backend("lda", features, labels, dimension=None).embedding(features)[0].shape[1] == 8


def test_arrays_that_are_no_backend_are_refused():
    arrays = fitted("joint_bayesian").to_arrays()
    with pytest.raises(UserError, match="found the arrays of joint_bayesian, version 2; expected version 1"):
        FittedBackend.from_arrays({**arrays, "version": np.array(2)})
    with pytest.raises(UserError, match="have no 'model_within'"):
        FittedBackend.from_arrays({key: value for key, value in arrays.items() if key != "model_within"})


def test_the_example_gives_what_it_says():
    assert doctest.testmod(backend).failed == 0
