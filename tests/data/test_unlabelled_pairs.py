"""Pairs of files to be verified."""

from pathlib import Path

import pytest
from PIL import Image

from lfw_jax.data.protocols.unlabelled_pairs import read_unlabelled_pairs
from lfw_jax.errors import UserError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a", "b", "c"):
        Image.new("RGB", (8, 8), "grey").save(tmp_path / f"{name}.png")
    (tmp_path / "text.png").write_text("no image")
    return tmp_path


def test_two_paths_are_one_pair(folder: Path):
    pair = (folder / "a.png", folder / "b.png")
    assert read_unlabelled_pairs(f"{pair[0]}, {pair[1]}", "--input") == [pair]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_paths_of_a_table_are_relative_to_its_folder_and_other_columns_are_ignored(folder: Path, delimiter: str):
    rows = ["Path2,same,path1", "b.png,1,a.png", "", f"{folder}/c.png,0,b.png"]
    (folder / "pairs.csv").write_text("\n".join(rows).replace(",", delimiter))
    expected = [(folder / "a.png", folder / "b.png"), (folder / "b.png", folder / "c.png")]
    assert read_unlabelled_pairs(str(folder / "pairs.csv"), "--input") == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("first,second\na.png,b.png", "found the columns first, second; expected path1 and path2"),
        ("path1,path2\n", "found no pair"),
        ("path1,path2\na.png,b.png\na.png", "line 3: found 'a.png', expected two paths"),
        ("path1,path2\na.png,missing.png", "missing.png is not a file"),
        ("path1,path2\na.png,text.png\nd.png,b.png", r"text.png is .*, and 1 more\. Correct the path"),
    ],
)
def test_other_tables_are_refused(folder: Path, text: str, message: str):
    (folder / "pairs.csv").write_text(text)
    with pytest.raises(UserError, match=message):
        read_unlabelled_pairs(str(folder / "pairs.csv"), "--input")


@pytest.mark.parametrize("text", ["a.png", "a.png,b.png,c.png", "a.png,", "missing.csv"])
def test_other_inputs_are_refused(text: str):
    with pytest.raises(UserError, match=r"--input.*expected two image files separated by a comma, or a \.csv"):
        read_unlabelled_pairs(text, "--input")
