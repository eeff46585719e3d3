"""The cohort of score normalisation."""

import numpy as np

from lfw_jax.data.images import ImageSet
from lfw_jax.inference.cohort import cohort_images

NAMES = tuple("abcdefgh")


def training() -> ImageSet:
    labels = np.array([0, 1, 1, 2, 2, 2, 3, 4, 5, 6, 7, 7, 7, 7, 0], np.int32)
    numbers = np.arange(1, len(labels) + 1)
    return ImageSet(NAMES, labels, numbers, np.zeros((len(labels), 4, 4, 3), np.uint8), "pixels")


def test_the_cohort_has_the_wanted_identities_with_at_most_two_images_each():
    chosen = cohort_images(training(), identities=5, seed=0)
    assert len(chosen.names) == 5
    every = cohort_images(training(), identities=100, seed=0)
    assert every.names == NAMES
    assert np.bincount(every.labels).tolist() == [2, 2, 2, 1, 1, 1, 1, 2]
    assert set(every.keys()) <= set(training().keys())
    assert every.numbers.tolist() == sorted(every.numbers)


def test_the_seed_determines_the_cohort():
    cohorts = [tuple(cohort_images(training(), identities=4, seed=seed).keys()) for seed in (0, 0, 1, 2, 3)]
    assert cohorts[0] == cohorts[1]
    assert len(set(cohorts)) > 2
