"""A list that cannot be evaluated is refused before a training, with the reason."""

from pathlib import Path
from typing import Any

import pytest

from lfw_jax.data.formats.folder import read_folder
from lfw_jax.data.protocols.partition import partition
from lfw_jax.data.synthetic import write_folder
from lfw_jax.errors import UserError

DATA = dict(
    protocol="generated", validation_people=0.3, test_people=0.3, pairs=10, near_duplicates="ignore", fold=0, lists_dir=""
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("synthetic") / "faces", people=16, images_per_person=3, side=24, seed=0)


def rows(folder: Path, kinds: str, *columns: str) -> str:
    """Return a CSV with one pair per letter: s for the same identity, d for two; `columns` end the lines."""
    names = read_folder(folder).names
    header = "path1,path2,same" + (",fold" if columns and columns[0].isdigit() else ",split" if columns else "")
    lines = [header]
    for index, kind in enumerate(kinds):
        one, other = names[index % 4], names[index % 4 + (kind == "d")]
        line = f"{one}/{one}_000{1 + index // 4}.jpg,{other}/{other}_000{2 + index // 4}.jpg,{int(kind == 's')}"
        lines.append(f"{line},{columns[index]}" if columns else line)
    return "\n".join(lines) + "\n"


BAD = {
    "pairs of one kind": ("ssss", (), "found 4 same pairs and 0 different pairs; expected at least one of each"),
    "one of each kind": ("sd", (), "found 2 pairs in 1 fold, expected at least 2 folds"),
    "test rows of one kind": ("ssd", ("test", "development", "development"), "found 1 same pairs and 0 different"),
    "development rows of one kind": ("sds", ("test", "test", "development"), "development: found 1 same pairs and 0"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_further_set_that_cannot_be_evaluated_is_refused_before_training(folder: Path, tmp_path: Path, case: str):
    kinds, columns, words = BAD[case]
    (tmp_path / "party.csv").write_text(rows(folder, kinds, *columns))
    config = {"seed": 0, "data": DATA, "evaluation": {"sets": (f"{tmp_path}/party.csv@{folder}",)}}
    with pytest.raises(UserError, match=rf"--config\.evaluation\.sets: party.*{words}"):
        partition(read_folder(folder), config, folder, tmp_path / "none")


def partition_by_pairs(folder: Path, path: Path, text: str) -> Any:
    path.write_text(text)
    data = DATA | dict(protocol="pairs", pairs_file=f"{path}@{folder}")
    config = {"seed": 0, "data": data, "evaluation": {"sets": ()}}
    return partition(read_folder(folder), config, folder, path.parent / "none")[0]


@pytest.mark.parametrize("case", [case for case in BAD if case != "one of each kind"])
def test_test_pairs_that_cannot_be_evaluated_are_refused_before_training(folder: Path, tmp_path: Path, case: str):
    kinds, columns, words = BAD[case]
    with pytest.raises(UserError, match=words):
        partition_by_pairs(folder, tmp_path / "party.csv", rows(folder, kinds, *columns))


def test_test_pairs_without_folds_need_none(folder: Path, tmp_path: Path):
    parts = partition_by_pairs(folder, tmp_path / "party.csv", rows(folder, "sd"))
    assert parts.development is parts.validation


@pytest.mark.parametrize(
    ("again", "words"),
    [(2, "1 of the 2 test pairs are also development pairs"), (1, "all 2 test pairs are also development pairs")],
)
def test_development_rows_that_are_test_rows_are_counted(folder: Path, tmp_path: Path, again: int, words: str):
    header, same, different, other = rows(folder, "sds", "test", "test", "development").splitlines()
    one, two, *rest = same.split(",")
    swapped = ",".join([two, f"{one.partition('/')[0]}/../{one}", *rest]).replace("test", "development")
    lines = [header, same, different, swapped, (other if again == 2 else different).replace("test", "development")]
    lines += [] if again == 1 else [different.replace("0001", "0003").replace("test", "development")]
    with pytest.raises(UserError, match=rf"{words} \(party development\), the first"):
        partition_by_pairs(folder, tmp_path / "party.csv", "\n".join(lines))


def test_a_list_of_one_fold_cannot_be_evaluated_by_folds(folder: Path, tmp_path: Path):
    for lines in folder.glob("pairsDevTest.txt"):
        size, *rest = lines.read_text().splitlines()
        (tmp_path / "pairs.txt").write_text("\n".join([f"1\t{size}", *rest]))
    config = {"seed": 0, "data": DATA | dict(protocol="view2", lists_dir=str(tmp_path)), "evaluation": {"sets": ()}}
    with pytest.raises(UserError, match=r"pairs: found \d+ pairs in 1 fold, expected at least 2 folds"):
        partition(read_folder(folder), config, folder, tmp_path / "none")


def test_a_test_list_with_the_name_of_the_validation_pairs_is_refused(folder: Path, tmp_path: Path):
    with pytest.raises(UserError, match=r"two lists are called held-out identities.*Rename the file"):
        partition_by_pairs(folder, tmp_path / "held-out identities.csv", rows(folder, "sd"))
