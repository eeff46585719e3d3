"""Checks that a list of pairs can be evaluated, before a model is trained for it."""

import os

import numpy as np

from lfw_jax.data.images import ImageSet
from lfw_jax.data.pair_list import PairList
from lfw_jax.data.protocols.evaluation_sets import EvaluationSet
from lfw_jax.data.protocols.splits import Split
from lfw_jax.errors import UserError


def check_set(item: EvaluationSet) -> None:
    """Check that an evaluation set can be evaluated.

    Its thresholds are chosen on its development pairs, or for each fold on the others.

    Args:
      item: the set.

    Raises:
      UserError: pairs of one kind or one fold only, or test pairs among the development pairs.
    """
    test = item.pairs if item.development else item.with_folds()
    try:
        _check_list(test, item.development, item.images)
    except UserError as error:
        raise UserError(f"--config.evaluation.sets: {error}") from error


def check_split(parts: Split, key: str) -> None:
    """Check that the test pairs of a split can be evaluated.

    Their thresholds are chosen on the development pairs, or for each fold on the others.

    Args:
      parts: the split.
      key: the key of the configuration that names the lists, for messages.

    Raises:
      UserError: pairs of one kind or one fold only, test pairs among the development pairs, or two lists of one name.
    """
    test, development = parts.test, None if parts.by_folds else parts.development
    images = parts.images_of(test)
    try:
        _check_list(test, development, images if parts.images_of(parts.development) is images else None)
    except UserError as error:
        raise UserError(f"{key}: {error}") from error
    if test.name in {pairs.name for pairs in (parts.development, parts.validation) if pairs is not test}:
        raise UserError(
            f"{key}: two lists are called {test.name}, the test list and one on which a threshold is chosen; "
            "expected different names. Rename the file."
        )


def _check_list(test: PairList, development: PairList | None, images: ImageSet | None) -> None:
    """Check a list and its development pairs; None for a list that is evaluated by folds.

    Args:
      test: the test pairs.
      development: the pairs on which thresholds are chosen.
      images: the images of both lists; None if each list has its own.
    """
    for pairs in (test, development):
        if pairs is not None and (pairs.same.all() or not pairs.same.any()):
            raise UserError(
                f"{pairs.name}: found {pairs.same.sum()} same pairs and {(~pairs.same).sum()} different pairs; expected at least "
                "one of each. Use a list that holds both."
            )
    if development is None:
        folds = 0 if test.folds is None else len(np.unique(test.folds))
        if folds < 2:
            raise UserError(
                f"{test.name}: found {len(test)} pairs in {folds} fold, expected at least 2 folds, as each is evaluated at the "
                "threshold of the others. Use a list with several folds, or one with more pairs and without folds."
            )
    elif images is not None:
        _check_overlap(test, development, images)


def _check_overlap(test: PairList, development: PairList, images: ImageSet) -> None:
    known = set(_pictures(development, images))
    if shared := [index for index, pair in enumerate(_pictures(test, images)) if pair in known]:
        first = " and ".join(sorted(map(str, _pictures(test.where(np.array(shared[:1]), test.name), images)[0])))
        count = f"all {len(test)}" if len(shared) == len(test) else f"{len(shared)} of the {len(test)}"
        raise UserError(
            f"{test.name}: {count} test pairs are also development pairs ({development.name}), the first {first}; expected none, "
            "as a threshold must not be chosen on the pairs that it is evaluated on. Remove them from one of the two."
        )


def _pictures(pairs: PairList, images: ImageSet) -> list[frozenset[str]]:
    """Return the two images of each pair: files by their real path, others by identity and number."""
    keys = pairs.keys()
    if images.storage == "files":
        indices = images.indices(keys).tolist()
        names = [os.path.realpath(str(images.images[index])) for index in indices]
    else:
        names = [f"image {number} of {name}" for name, number in keys]
    first, second = pairs.indices()
    return [frozenset((names[i], names[j])) for i, j in zip(first.tolist(), second.tolist(), strict=True)]
