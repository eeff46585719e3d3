"""A verification set from wherever it comes: its images and its pairs."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lfw_jax.data.formats.folder import read_folder
from lfw_jax.data.images import ImageSet
from lfw_jax.data.pair_list import PairList
from lfw_jax.data.protocols.csv_pairs import read_csv_pairs
from lfw_jax.data.protocols.lfw_lists import check_against, read_pairs
from lfw_jax.data.protocols.path_pairs import PathPairs, find_files, images_of, tenths, tenths_of_each_kind
from lfw_jax.data.protocols.published_lists import is_cfp_split, is_lfw_list, read_cfp, read_path_list
from lfw_jax.errors import UserError

_FOLDERS = ("", "aligned images", "images")  # beside a list: as CALFW and CPLFW are packed
_KINDS = (
    "a .bin file, a .csv with the columns path1,path2,same, a list (LFW's, CALFW's, CPLFW's, or lines of path path verdict), or "
    "the folder Protocol/Split/FP or FF of CFP; LIST@FOLDER where the images are not beside the list"
)


@dataclasses.dataclass(frozen=True, eq=False)
class EvaluationSet:
    """Pairs to be judged, and the images they name.

    Attributes:
      pairs: the judged pairs; with folds where the set has any.
      images: where they are.
      people: the names of the people on them, as far as they are known and mean the same elsewhere.
      development: pairs on which the threshold is chosen, where the set says so.
      notes: what a reader of the figures should know.
      aligned: whether the images are aligned faces without anything around them, as a `.bin` has them.
    """

    pairs: PairList
    images: ImageSet
    people: frozenset[str]
    development: PairList | None = None
    notes: tuple[str, ...] = ()
    aligned: bool = False

    @property
    def name(self) -> str:
        """What reports call the set."""
        return self.pairs.name

    def with_folds(self) -> PairList:
        """The judged pairs with folds: the set's own, else tenths of each kind of pair in the order of the list."""
        if self.pairs.folds is not None:
            return self.pairs
        return dataclasses.replace(self.pairs, folds=tenths_of_each_kind(self.pairs.same))


def read_evaluation_set(text: str, data_dir: Path | None = None, *, people_dir: Path | None = None) -> EvaluationSet:
    """Read what `config.evaluation.sets` or `config.data.pairs_file` names.

    * `lfw.bin`, as InsightFace packs LFW, CFP-FP, AgeDB-30, CALFW and CPLFW: ten folds of pairs one after another, as
      InsightFace judges them. Nobody's name is known.
    * `pairs.csv` (`lfw_jax.data.protocols.csv_pairs`), `pairs_CALFW.txt`, `pairs_CPLFW.txt`, `path path verdict`
      (`lfw_jax.data.protocols.published_lists`): paths start at the folder after `@`, else at `data_dir`, the list's
      folder, or its folders `aligned images` and `images`.
    * LFW's `pairs.txt` or `pairsDevTest.txt`: the folder after `@`, else the list's, holds one folder a person.
    * `cfp-dataset/Protocol/Split/FP` or `…/FF`.

    Args:
      text: a path, perhaps with `@` and the folder of the images.
      data_dir: another folder that relative paths may start from.
      people_dir: the folder of the people who may train; None is `data_dir`. Folders that are numbers say who is on an image
        there alone: elsewhere person 7 is somebody else. Names in the columns of a CSV always count.

    Raises:
      UserError: no such set, or one that names images which are missing or broken.
    """
    path, folder = _parse(text)
    if path.suffix == ".bin" and not path.is_dir():
        return _read_bin(path)
    if path.suffix != ".csv" and not path.is_dir() and is_lfw_list(path):
        return _read_lfw_list(path, folder or path.parent)
    return _read_path_pairs(path, folder, data_dir, people_dir)


def read_evaluation_sets(texts: Sequence[str], people_dir: Path | None = None) -> tuple[EvaluationSet, ...]:
    """Read several sets, each text one or more of them with commas between; two of one name are told apart by their folders.

    Args:
      texts: as `read_evaluation_set` takes them.
      people_dir: the folder of the people who may train.

    Raises:
      UserError: as `read_evaluation_set`, with the key.
    """
    given = [part.strip() for text in texts for part in text.split(",") if part.strip()]
    sets, names = [], set()
    for text in given:
        try:
            found = read_evaluation_set(text, people_dir=people_dir)
        except UserError as error:
            raise UserError(f"--config.evaluation.sets: {error}") from error
        if found.name in names:
            folder = _parse(text)[0].resolve().parent.name
            found = dataclasses.replace(found, pairs=dataclasses.replace(found.pairs, name=f"{folder}/{found.name}"))
        if found.name in names:
            raise UserError(
                f"--config.evaluation.sets: two sets are called {found.name}; rename a file, or leave one out."
            )
        names.add(found.name)
        sets.append(found)
    return tuple(sets)


def unknown_people(name: str) -> str:
    """The note on a set that does not say who is on its images."""
    return (
        f"{name} does not say who is on its images, so people who train may be in it: near duplicates are the only check "
        "(--config.data.near_duplicates=list)."
    )


def _parse(text: str) -> tuple[Path, Path | None]:
    if not Path(text).exists() and "@" in text:
        before, _, after = text.rpartition("@")
        path, folder = Path(before), Path(after)
        if not folder.is_dir():
            raise UserError(
                f"{text}: found no folder at {after}, expected the folder of the images that {path.name} names."
            )
    else:
        path, folder = Path(text), None
    if not path.exists():
        raise UserError(f"{path}: found nothing there, expected {_KINDS}. Correct the path.")
    return path, folder


def _read_bin(path: Path) -> EvaluationSet:
    from lfw_jax.data.formats.verification_bin import read_verification_bin

    images, pairs = read_verification_bin(path)
    pairs = dataclasses.replace(pairs, name=path.stem, folds=tenths(len(pairs)))
    notes = [unknown_people(path.stem)]
    if images.skipped:
        first = images.skipped[0]
        notes.append(
            f"{len(images.skipped)} images of {path.stem} cannot be read, and their pairs are left out; the first: "
            f"{first.path}: {first.reason}."
        )
    return EvaluationSet(pairs, images, frozenset(), notes=tuple(notes), aligned=True)


def _read_lfw_list(path: Path, folder: Path) -> EvaluationSet:
    pairs, images = read_pairs(path), read_folder(folder)
    check_against(pairs, images.numbers_of_people())
    places = np.unique(images.places(pairs.keys()))
    return EvaluationSet(pairs, images.where(places), pairs.people())


def _read_path_pairs(path: Path, folder: Path | None, data_dir: Path | None, people_dir: Path | None) -> EvaluationSet:
    """Read a list that names its images by path: a CSV file, a published list, or CFP's folder."""
    listed, roots = _read_list(path, folder, data_dir)
    files, root = find_files(listed, roots, path)
    images, pairs, known, contradicting = images_of(listed, files, root)
    training = people_dir or data_dir
    named = (path.suffix == ".csv" and bool(listed.people)) or (
        training is not None and root.resolve() == training.resolve()
    )
    people = frozenset(name for name in known if named or not name.isdecimal())
    notes = []
    if contradicting:
        notes.append(f"the names in the paths of {pairs.name} contradict its pairs, and are not taken as people's.")
    if not people:
        notes.append(unknown_people(pairs.name))
    if listed.development is None:
        return EvaluationSet(pairs, images, people, notes=tuple(notes))
    development = pairs.where(listed.development, f"{pairs.name} development")
    judged = pairs.where(~listed.development, pairs.name)
    return EvaluationSet(judged, images, people, development, tuple(notes))


def _read_list(path: Path, folder: Path | None, data_dir: Path | None) -> tuple[PathPairs, list[Path]]:
    """Read a list of paths, and the folders that its relative paths may start from."""
    if path.is_dir():
        if not is_cfp_split(path):
            raise UserError(f"{path}: a folder that is no protocol of CFP's; expected {_KINDS}.")
        return read_cfp(path), [path.parent.parent]
    listed = read_csv_pairs(path) if path.suffix == ".csv" else read_path_list(path)
    if folder:
        return listed, [folder]
    return listed, [*([data_dir] if data_dir else []), *(path.parent / name for name in _FOLDERS)]
