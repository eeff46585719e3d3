import numpy as np

from benchmarks.descriptor_pairs import sample_pairs


def test_pairs_are_of_their_kind_and_few_per_identity():
    labels = np.repeat(np.arange(6), (1, 2, 3, 30, 1, 2))
    pairs, same = sample_pairs(labels, np.random.default_rng(0))
    np.testing.assert_array_equal(labels[pairs[:, 0]] == labels[pairs[:, 1]], same)
    assert (pairs[:, 0] != pairs[:, 1]).all()
    assert np.bincount(labels[pairs[same, 0]], minlength=6).tolist() == [0, 1, 3, 10, 0, 1]
    assert np.sum(~same) == 20 * 15
