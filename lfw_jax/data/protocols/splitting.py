"""The division of a data set by a protocol: View 1, View 2, a list of pairs, or generated pairs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lfw_jax.data.images import ImageSet
from lfw_jax.data.pair_list import PairList
from lfw_jax.data.protocols.evaluation_sets import EvaluationSet, read_evaluation_set
from lfw_jax.data.protocols.exclusion import Exclusions, add_identities_of_same_images, exclude_identities
from lfw_jax.data.protocols.fewest_images import with_enough_images
from lfw_jax.data.protocols.folds import Lists, view1_lists, view2_lists
from lfw_jax.data.protocols.holding_out import LEAST, hold_out, notes_on_few
from lfw_jax.data.protocols.splits import Split
from lfw_jax.errors import UserError

PROTOCOLS = ("view1", "view2", "pairs", "generated")


_TEST_NAME = "test identities"


_CHOSEN_BY_LUCK = "the checkpoint and the threshold chosen on them depend on the luck of their choice"


def split(
    images: ImageSet,
    config: Mapping[str, Any],
    data_dir: Path,
    *,
    seed: int,
    exclude: Exclusions | None = None,
    originals: ImageSet | None = None,
) -> Split:
    """Divide a data set by `config.protocol`.

    "view1": LFW's development view. Training uses the identities of `peopleDevTrain.txt` (without that list, all that
    `pairsDevTest.txt` does not name). Thresholds are chosen on `pairsDevTrain.txt`, mostly of training identities, and evaluated
    on `pairsDevTest.txt`.
    "view2": LFW's reporting view. With `config.fold` k from 1, training uses the identities of the other folds of `people.txt`
    (without that list, all that fold k does not name). Thresholds are chosen on the other folds of `pairs.txt` and evaluated on
    fold k. With fold 0, no identity named in `pairs.txt` is used for training, and thresholds are cross-validated over all folds.
    "pairs": the test set is `config.pairs_file` (see `read_evaluation_set`); none of its identities is used for training.
    Thresholds are chosen on its development pairs, or else by its folds, or else on the validation pairs.
    "generated": for data without lists. The shares `config.test_people` and `config.validation_people` of the identities are
    held out for test and validation, pairs are sampled, and thresholds are chosen on the validation pairs.

    Args:
      images: all images of the data set.
      config: `protocol`, `fold`, `pairs_file`, `pairs_columns`, `lists_dir`, `dir`, `validation_people`, `pairs_per_identity`, …
      data_dir: the folder of the data, which may hold the lists.
      seed: the seed of the held-out identities and of the sampled pairs.
      exclude: identities excluded from training and validation, by the list that names them.
      originals: the same images before they were aligned; None if they were not. An identity with one of them in an external
        list is excluded, whatever that list calls it.

    Raises:
      UserError: the protocol is unknown, a list names missing images, or there are too few identities.
    """
    protocol = _known_protocol(config)
    if protocol == "generated":
        return _generated(images, config, exclude or {}, seed=seed)
    if protocol == "pairs":
        test_set = add_identities_of_same_images(_read_test_set(config, data_dir), originals or images)
        return _pairs(images, config, test_set, exclude or {}, seed=seed)
    return _of_lists(images, config, _lists(images, config, data_dir), exclude or {}, seed=seed)


def evaluation_pairs(
    images: ImageSet, config: Mapping[str, Any], data_dir: Path, *, seed: int
) -> tuple[PairList, ImageSet, bool]:
    """Return the test pairs of `split`, without requiring identities for training.

    Args:
      images: all images of the data set.
      config: the configuration of `split`.
      data_dir: the folder of the data, which may hold the lists.
      seed: the seed of the held-out identities and of the sampled pairs.

    Returns:
      The pairs, the image set they refer to, and whether its images are external, aligned faces.

    Raises:
      UserError: as for `split`, except that no identities need to be left for training.
    """
    protocol = _known_protocol(config)
    if protocol == "generated":
        try:
            return _hold_out_test(images, config, seed=seed)[1], images, False
        except UserError:  # too few identities for a training, but perhaps enough for pairs
            return hold_out(images, config, "test_people", _TEST_NAME, seed=seed)[1], images, False
    if protocol == "pairs":
        test_set = _read_test_set(config, data_dir)
        return test_set.pairs, test_set.images, test_set.aligned
    return _lists(images, config, data_dir).test, images, False


def _known_protocol(config: Mapping[str, Any]) -> str:
    if config["protocol"] not in PROTOCOLS:
        raise UserError(
            f"--config.data.protocol is '{config['protocol']}'; the known protocols are {', '.join(PROTOCOLS)}."
        )
    return config["protocol"]


def _lists(images: ImageSet, config: Mapping[str, Any], data_dir: Path) -> Lists:
    return (view1_lists if config["protocol"] == "view1" else view2_lists)(images, config, data_dir)


def _hold_out_test(images: ImageSet, config: Mapping[str, Any], *, seed: int) -> tuple[list[str], PairList]:
    # Two identities with two images must remain for validation, and one more for training.
    return hold_out(images, config, "test_people", _TEST_NAME, seed=seed, leave=LEAST)


def _read_test_set(config: Mapping[str, Any], data_dir: Path) -> EvaluationSet:
    if not config["pairs_file"]:
        raise UserError(
            "--config.data.pairs_file is empty; the protocol 'pairs' needs a list, such as a .csv with the columns "
            "path1,path2,same or a .bin file."
        )
    try:
        return read_evaluation_set(config["pairs_file"], data_dir, columns=config.get("pairs_columns", ""))
    except UserError as error:
        raise UserError(f"--config.data.pairs_file: {error}") from error


def _hold_out_validation(
    training: ImageSet, config: Mapping[str, Any], name: str, *, seed: int
) -> tuple[list[str], PairList]:
    limit = config.get("pairs_per_identity", 0)  # so that no identity dominates the choice of checkpoint and threshold
    return hold_out(training, config, "validation_people", name, seed=seed, per_identity=limit)


def _validation(training: ImageSet, config: Mapping[str, Any], *, seed: int) -> tuple[ImageSet, PairList, list[str]]:
    """Hold out identities for validation: return the images for training, pairs of these identities, and notes."""
    remaining, validation = _hold_out_validation(training, config, "held-out identities", seed=seed)
    note = f"{len(training.names) - len(remaining)} identities are held out of training for validation."
    trained, fewer = with_enough_images(training.of_identities(set(remaining)), config)
    return trained, validation, [note, *notes_on_few(validation, "validation_people", _CHOSEN_BY_LUCK), *fewer]


def _of_lists(images: ImageSet, config: Mapping[str, Any], lists: Lists, exclude: Exclusions, *, seed: int) -> Split:
    people, excluded, notes = exclude_identities(
        lists.identities, {lists.test.name: lists.test.identities(), **exclude}
    )
    training, validation, more = _validation(images.of_identities(people), config, seed=seed)
    notes = (*lists.notes, *notes, *more)
    return Split(training, validation, lists.development, lists.test, images, notes, excluded=excluded)


def _pairs(
    images: ImageSet, config: Mapping[str, Any], test_set: EvaluationSet, exclude: Exclusions, *, seed: int
) -> Split:
    people, excluded, notes = exclude_identities(images.names, {test_set.name: test_set.identities, **exclude})
    training, validation, more = _validation(images.of_identities(people), config, seed=seed)
    external, test = {test_set.pairs: test_set.images}, test_set.pairs
    if test_set.development is not None:
        development = test_set.development
        external[development] = test_set.images
    else:
        development = test if test.folds is not None else validation
    notes = (*test_set.notes, *notes, *more)
    aligned = frozenset(external if test_set.aligned else ())
    unnamed = frozenset(pairs for pairs in external if not pairs.identities() <= test_set.identities)
    return Split(training, validation, development, test, images, notes, external, aligned, excluded, unnamed)


def _generated(images: ImageSet, config: Mapping[str, Any], exclude: Exclusions, *, seed: int) -> Split:
    rest, test = _hold_out_test(images, config, seed=seed)
    people, excluded, notes = exclude_identities(rest, exclude)
    training = images.of_identities(people)
    remaining, validation = _hold_out_validation(training, config, "validation identities", seed=seed + 1)
    note = (
        f"of {len(images.names)} identities {len(images.names) - len(rest)} are held out for the test and "
        f"{len(training.names) - len(remaining)} for validation; the threshold is chosen on the validation pairs."
    )
    few = [
        *notes_on_few(validation, "validation_people", _CHOSEN_BY_LUCK),
        *notes_on_few(test, "test_people", "the metrics depend on the luck of their choice"),
    ]
    trained, fewer = with_enough_images(training.of_identities(set(remaining)), config)
    return Split(trained, validation, validation, test, images, (note, *few, *notes, *fewer), excluded=excluded)
