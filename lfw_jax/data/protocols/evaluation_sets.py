"""Reading evaluation sets, each a set of images and a list of pairs, from all supported formats."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from lfw_jax.data.formats.folder import read_folder
from lfw_jax.data.images import ImageSet
from lfw_jax.data.pair_list import Key, PairList
from lfw_jax.data.protocols.csv_pairs import numbered_pairs, path_pairs
from lfw_jax.data.protocols.lfw_lists import check_against, read_pairs
from lfw_jax.data.protocols.lfw_pair_lines import is_lfw_list
from lfw_jax.data.protocols.pair_table import PairTable, read_pair_table
from lfw_jax.data.protocols.path_pairs import PathPairs, find_files, images_of, tenths, tenths_of_each_kind
from lfw_jax.data.protocols.published_lists import is_cfp_split, read_cfp, read_path_list
from lfw_jax.errors import UserError

_TABLES = (".csv", ".tsv")
FOLDERS = ("", "aligned images", "images")
"""The folders beside a list that may hold its images, as in the archives of CALFW and CPLFW."""

_KINDS = (
    "a .bin file, a .csv with the columns path1,path2,same, a list (LFW's, CALFW's, CPLFW's, or lines of path path verdict), or "
    "the folder Protocol/Split/FP or FF of CFP; LIST@FOLDER where the images are not beside the list"
)


@dataclasses.dataclass(frozen=True, eq=False)
class EvaluationSet:
    """Test pairs and the images they name.

    Attributes:
      pairs: the test pairs, with folds if the set has any.
      images: the images of the pairs.
      identities: the names of the identities, as far as they are known and mean the same identity in other sets.
      development: pairs for choosing the threshold, if the set has any.
      notes: remarks for the reader of the metrics.
      aligned: true if the images are tightly cropped, aligned faces, as in a `.bin` file.
    """

    pairs: PairList
    images: ImageSet
    identities: frozenset[str]
    development: PairList | None = None
    notes: tuple[str, ...] = ()
    aligned: bool = False

    @property
    def name(self) -> str:
        """The name of the set in reports."""
        return self.pairs.name

    def keys(self) -> Sequence[Key]:
        """Return the identity and number of every image of the test pairs."""
        return self.pairs.keys()

    def with_folds(self) -> PairList:
        """Return the test pairs with the folds of the set, or else with consecutive tenths of each kind."""
        if self.pairs.folds is not None:
            return self.pairs
        return dataclasses.replace(self.pairs, folds=tenths_of_each_kind(self.pairs.same))


def read_evaluation_set(
    text: str, data_dir: Path | None = None, *, search_data_dir: bool = True, columns: str = ""
) -> EvaluationSet:
    """Read the evaluation set that `config.evaluation.sets` or `config.data.pairs_file` names.

    * `lfw.bin`, the format in which InsightFace distributes LFW, CFP-FP, AgeDB-30, CALFW and CPLFW: ten consecutive folds of
      pairs, as InsightFace evaluates them. The identities are unknown.
    * `pairs.csv` (`lfw_jax.data.protocols.csv_pairs`), `pairs_CALFW.txt`, `pairs_CPLFW.txt`, `path path verdict`
      (`lfw_jax.data.protocols.published_lists`): paths are relative to the folder after `@`, or else to `data_dir`, the folder of
      the list, or its subfolders `aligned images` and `images`.
    * LFW's `pairs.txt` or `pairsDevTest.txt`, and CSV files with the columns `name,imagenum1,imagenum2`: the folder after `@`, or
      else that of the list, or else `data_dir`, has one subfolder per identity.
    * `cfp-dataset/Protocol/Split/FP` or `…/FF`.

    Args:
      text: a path, optionally followed by `@` and the folder of the images.
      data_dir: the folder of the training data, if there is any. Names that are numbers denote an identity only within this
        folder; in other folders "7" is another identity. Names in the columns of a CSV file always count.
      search_data_dir: whether paths may be relative to `data_dir`.
      columns: titles of columns of a CSV file that are not recognised, as `config.data.pairs_columns`.

    Returns:
      The set.

    Raises:
      UserError: there is no such set, or images that it names are missing or unreadable.
    """
    path, folder = parse_location(text, _KINDS)
    table = read_pair_table(path, columns) if path.suffix.lower() in _TABLES and not path.is_dir() else None
    if columns and table is None:
        raise UserError(
            f"--config.data.pairs_columns names columns of a .csv file, but the list is {path}. Remove the option."
        )
    if path.suffix.lower() == ".bin" and not path.is_dir():
        return _read_bin(path)
    searched = data_dir if search_data_dir else None
    if table is not None and table.numbered:
        return _numbered_set(
            numbered_pairs(table), [folder] if folder else [path.parent, searched], table.development()
        )
    if table is None and not path.is_dir() and is_lfw_list(path):
        return _numbered_set(read_pairs(path), [folder] if folder else [path.parent, searched])
    return _read_path_pairs(path, table, folder, data_dir, search_data_dir)


def read_evaluation_sets(texts: Sequence[str], data_dir: Path | None = None) -> tuple[EvaluationSet, ...]:
    """Read several evaluation sets.

    If two have the same name, the folder of the second is put before its name.

    Args:
      texts: texts for `read_evaluation_set`; each may hold several, separated by commas.
      data_dir: the folder of the training data, if there is any; paths are not relative to it.

    Returns:
      The sets, in the given order.

    Raises:
      UserError: a set cannot be read, or two sets still have the same name.
    """
    parts = [part.strip() for text in texts for part in text.split(",") if part.strip()]
    sets, names = [], set()
    for text in parts:
        try:
            found = read_evaluation_set(text, data_dir, search_data_dir=False)
        except UserError as error:
            raise UserError(f"--config.evaluation.sets: {error}") from error
        if found.name in names:
            folder = parse_location(text, _KINDS)[0].resolve().parent.name
            found = dataclasses.replace(found, pairs=dataclasses.replace(found.pairs, name=f"{folder}/{found.name}"))
        if found.name in names:
            raise UserError(
                f"--config.evaluation.sets: two sets are called {found.name}, expected different names. Rename a file, or "
                "remove a set."
            )
        names.add(found.name)
        sets.append(found)
    return tuple(sets)


def unknown_people(name: str) -> str:
    """Return the note on a set whose identities are unknown."""
    return (
        f"{name} does not name the identities on its images, so training identities may be among them: besides equal images, "
        "near duplicates are the only check (--config.data.near_duplicates=list)."
    )


def parse_location(text: str, kinds: str) -> tuple[Path, Path | None]:
    """Return the path that a text names, and the folder after `@`, or None.

    Args:
      text: a path, optionally followed by `@` and the folder of the images.
      kinds: what is expected there, for messages.

    Raises:
      UserError: there is no such file or folder.
    """
    if not Path(text).exists() and "@" in text:
        before, _, after = text.rpartition("@")
        path, folder = Path(before), Path(after)
        if not folder.is_dir():
            raise UserError(
                f"{text}: found no folder at {after}, expected the folder of the images of {path.name}. Correct the path."
            )
    else:
        path, folder = Path(text), None
    if not path.exists():
        raise UserError(f"{path}: found nothing there, expected {kinds}. Correct the path.")
    return path, folder


def _read_bin(path: Path) -> EvaluationSet:
    from lfw_jax.data.formats.verification_bin import read_verification_bin

    images, pairs = read_verification_bin(path)
    pairs = dataclasses.replace(pairs, name=path.stem, folds=tenths(len(pairs)))
    notes = [unknown_people(path.stem)]
    if images.skipped:
        first = images.skipped[0]
        notes.append(
            f"{len(images.skipped)} images of {path.stem} are unreadable, and their pairs are excluded; the first: "
            f"{first.path}: {first.reason}."
        )
    return EvaluationSet(pairs, images, frozenset(), notes=tuple(notes), aligned=True)


def _numbered_set(
    pairs: PairList, folders: Sequence[Path | None], in_development: Bool[np.ndarray, "pairs"] | None = None
) -> EvaluationSet:
    """Return the set of pairs that name images by identity and number, in the first folder that has the first identity."""
    existing = [folder for folder in folders if folder is not None]
    root = next((folder for folder in existing if (folder / pairs.first[0][0]).is_dir()), existing[0])
    images = read_folder(root)
    check_against(pairs, images.numbers_by_identity())
    images = images.where(np.unique(images.indices(pairs.keys())))
    test, development = _divided(pairs, in_development)
    return EvaluationSet(test, images, pairs.identities(), development)


def _divided(pairs: PairList, in_development: Bool[np.ndarray, "pairs"] | None) -> tuple[PairList, PairList | None]:
    """Return the test pairs and the development pairs."""
    if in_development is None:
        return pairs, None
    return pairs.where(~in_development, pairs.name), pairs.where(in_development, f"{pairs.name} development")


def _read_path_pairs(
    path: Path, table: PairTable | None, folder: Path | None, data_dir: Path | None, search_data_dir: bool
) -> EvaluationSet:
    """Read a list that names its images by path: a CSV file, a published list, or CFP's folder."""
    listed, roots = _read_list(path, table, folder, data_dir if search_data_dir else None)
    files, root = find_files(listed, roots, path)
    images, pairs, known, contradicting = images_of(listed, files, root)
    named = (table is not None and bool(listed.identities)) or (
        data_dir is not None and root.resolve() == data_dir.resolve()
    )
    people = frozenset(name for name in known if named or not name.isdecimal())
    notes = []
    if contradicting:
        used = "are only used to exclude identities: correct the pairs" if people else "are not used as identities"
        count = f"{contradicting:,} of its {len(listed.same):,} pairs"
        notes.append(f"the names in the paths of {pairs.name} contradict {count}, and {used}.")
    if not people:
        notes.append(unknown_people(pairs.name))
    test, development = _divided(pairs, listed.development)
    return EvaluationSet(test, images, people, development, tuple(notes))


def _read_list(
    path: Path, table: PairTable | None, folder: Path | None, data_dir: Path | None
) -> tuple[PathPairs, list[Path]]:
    """Return a list of paths, and the folders that its paths may be relative to."""
    if path.is_dir():
        if not is_cfp_split(path):
            raise UserError(
                f"{path}: found a folder that is not a protocol of CFP, expected {_KINDS}. Correct the path."
            )
        return read_cfp(path), [path.parent.parent]
    listed = path_pairs(table) if table is not None else read_path_list(path)
    if folder:
        return listed, [folder]
    return listed, [*([data_dir] if data_dir else []), *(path.parent / name for name in FOLDERS)]
