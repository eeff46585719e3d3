"""View 2: one fold is the test set, its identities are excluded from training, the other folds choose thresholds."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from lfw_jax.data.formats.folder import read_folder
from lfw_jax.data.images import ImageSet
from lfw_jax.data.protocols.lfw_lists import PairList, generate_pairs, write_pairs
from lfw_jax.data.protocols.splits import Split
from lfw_jax.data.protocols.splitting import split
from lfw_jax.data.synthetic import write_folder
from lfw_jax.errors import UserError

FOLDS = 5
CONFIG = dict(protocol="view2", fold=1, lists_dir="", validation_people=0.25, test_people=0.3, pairs=10, pairs_file="")


def write_view2(folder: Path, images: ImageSet, folds: int = FOLDS, people: bool = True) -> None:
    """Write `pairs.txt` and `people.txt` in LFW's format, with the identities distributed over the folds."""
    numbers = images.numbers_by_identity()
    groups = [images.names[fold::folds] for fold in range(folds)]
    lists = [generate_pairs({name: numbers[name] for name in group}, pairs=6, seed=0) for group in groups]
    joined = PairList(
        first=tuple(key for part in lists for key in part.first),
        second=tuple(key for part in lists for key in part.second),
        same=np.concatenate([part.same for part in lists]),
        name="pairs",
        folds=np.repeat(np.arange(folds), [len(part) for part in lists]),
    )
    write_pairs(folder / "pairs.txt", joined)
    if people:
        blocks = [
            "\n".join([str(len(group)), *(f"{name}\t{len(numbers[name])}" for name in group)]) for group in groups
        ]
        (folder / "people.txt").write_text("\n".join([str(folds), *blocks]) + "\n")


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> ImageSet:
    folder = write_folder(
        tmp_path_factory.mktemp("synthetic") / "faces", people=40, images_per_person=3, side=24, seed=0
    )
    return read_folder(folder)


@pytest.fixture
def lists(images: ImageSet, tmp_path: Path) -> Path:
    write_view2(tmp_path, images)
    return tmp_path


def disjoint(parts: Split) -> bool:
    groups = [set(parts.training.names), parts.validation.identities(), parts.test.identities()]
    return not any(one & other for i, one in enumerate(groups) for other in groups[:i])


@pytest.mark.parametrize("fold", range(1, FOLDS + 1))
def test_training_excludes_the_identities_of_the_fold_and_uses_those_of_the_others(
    images: ImageSet, lists: Path, fold: int
):
    parts = split(images, CONFIG | dict(fold=fold), lists, seed=0)
    in_fold = set(images.names[fold - 1 :: FOLDS])
    assert parts.test.identities() <= in_fold
    assert not in_fold & {*parts.training.names, *parts.validation.identities()}
    assert disjoint(parts)
    assert not parts.by_folds
    assert (len(parts.test), len(parts.development)) == (12, 12 * (FOLDS - 1))
    assert parts.test.folds is None
    assert not parts.development.identities() & in_fold
    assert parts.development.identities() & set(parts.training.names)
    assert set(parts.training.names) | parts.validation.identities() <= set(images.names) - in_fold


def test_the_folds_together_evaluate_every_pair_once(images: ImageSet, lists: Path):
    parts = [split(images, CONFIG | dict(fold=fold), lists, seed=0).test for fold in range(1, FOLDS + 1)]
    evaluated = [pair for part in parts for pair in zip(part.first, part.second, strict=True)]
    assert len(set(evaluated)) == len(evaluated) == 12 * FOLDS
    assert len({part.name for part in parts}) == FOLDS


def test_without_people_txt_all_identities_outside_the_fold_are_used_and_noted(images: ImageSet, tmp_path: Path):
    write_view2(tmp_path, images, people=False)
    parts = split(images, CONFIG, tmp_path, seed=0)
    named = parts.test.identities()
    assert set(parts.training.names) <= set(images.names) - named
    assert set(images.names) - named >= parts.validation.identities()
    with_list = {name for name in images.names if name not in images.names[::FOLDS]}
    assert {*parts.training.names, *parts.validation.identities()} >= with_list - parts.validation.identities()
    assert any("people.txt is not available" in note for note in parts.notes)


def test_fold_0_evaluates_all_folds_and_excludes_all_their_identities(images: ImageSet, tmp_path: Path):
    some = images.of_identities(set(images.names[:20]))
    write_view2(tmp_path, some)
    parts = split(images, CONFIG | dict(fold=0), tmp_path, seed=0)
    assert parts.by_folds
    assert parts.development is parts.test
    assert parts.test.folds is not None
    assert len(np.unique(parts.test.folds)) == FOLDS
    assert disjoint(parts)
    assert set(parts.training.names) <= set(images.names) - parts.test.identities()
    assert any("excluded from training" in note for note in parts.notes)


def test_an_identity_named_in_the_pairs_is_excluded_even_if_people_txt_has_it_in_another_fold(images, lists: Path):
    # people.txt and pairs.txt contradict each other: the pairs take precedence.
    named = sorted(split(images, CONFIG, lists, seed=0).test.identities())[0]
    text = (lists / "people.txt").read_text().splitlines()
    index = next(i for i, line in enumerate(text) if line.split("\t")[0] == named)
    moved = text.pop(index)
    text[1] = str(int(text[1]) - 1)
    text[-len(images.names[FOLDS - 1 :: FOLDS]) - 1] = str(len(images.names[FOLDS - 1 :: FOLDS]) + 1)
    (lists / "people.txt").write_text("\n".join([*text, moved]) + "\n")
    parts = split(images, CONFIG, lists, seed=0)
    assert named not in {*parts.training.names, *parts.validation.identities()}
    assert any(note.startswith("1 identity named in pairs fold 1 was excluded from training") for note in parts.notes)


@pytest.mark.parametrize("fold", [-1, FOLDS + 1])
def test_a_missing_fold_is_a_user_error(images: ImageSet, lists: Path, fold: int):
    with pytest.raises(UserError, match=rf"config\.data\.fold is {fold}; expected 1 to {FOLDS}"):
        split(images, CONFIG | dict(fold=fold), lists, seed=0)


def test_lists_that_do_not_belong_together_are_a_user_error(images: ImageSet, lists: Path):
    pairs = split(images, CONFIG, lists, seed=0).test
    write_pairs(lists / "pairs.txt", dataclasses.replace(pairs, folds=None))
    with pytest.raises(UserError, match="a list without folds"):
        split(images, CONFIG, lists, seed=0)
    write_view2(lists, images, folds=4, people=False)
    with pytest.raises(UserError, match=r"people\.txt: found 5 folds, expected 4"):
        split(images, CONFIG, lists, seed=0)


def test_a_list_that_names_every_identity_is_a_user_error(images: ImageSet, tmp_path: Path):
    few = images.of_identities(set(images.names[:4]))
    write_view2(tmp_path, few, folds=2)
    with pytest.raises(UserError, match="none is left for training"):
        split(few, CONFIG | dict(fold=0), tmp_path, seed=0)
