"""CSV lists of path,label: names of every kind, and errors that name the malformed line."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lfw_jax.data.formats.csv_list import read_csv
from lfw_jax.errors import UserError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    names = ("a_0003.jpg", "a_0001.jpg", "王 芳/b 1.png", "c, d.jpg", "Žan.jpg")
    for seed, name in enumerate(names):
        path = tmp_path / "pictures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.random.default_rng(seed).integers(0, 256, (16, 16, 3), np.uint8)).save(path)
    return tmp_path


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    (folder / "list.csv").write_bytes(text.encode(encoding))
    return folder / "list.csv"


def test_lines_of_path_and_label_are_read_in_their_order(folder: Path):
    found = read_csv(
        written(
            folder,
            'pictures/a_0003.jpg,Ann Lee\r\npictures/王 芳/b 1.png,王 芳\r\n\r\n"pictures/c, d.jpg","O""Neil, Al"\r\n'
            f"{folder}/pictures/a_0001.jpg , Ann Lee\r\n",
        )
    )
    assert found.names == ("Ann Lee", 'O"Neil, Al', "王 芳")
    assert found.keys() == [("Ann Lee", 3), ("王 芳", 1), ('O"Neil, Al', 1), ("Ann Lee", 1)]
    assert [str(path.relative_to(folder)) for path in found.images] == [
        "pictures/a_0003.jpg", "pictures/王 芳/b 1.png", "pictures/c, d.jpg", "pictures/a_0001.jpg",
    ]  # fmt: skip
    assert found.storage == "files"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_header_may_name_the_columns_in_another_order(folder: Path, encoding: str):
    text = "Label,age,Path\nAnn,30,pictures/a_0003.jpg\nŽan,1,pictures/Žan.jpg\n"
    found = read_csv(written(folder, text, encoding))
    assert found.names == ("Ann", "Žan")
    assert found.images[1] == folder / "pictures" / "Žan.jpg"


def test_a_header_of_path_and_label_alone_is_not_an_image(folder: Path):
    assert len(read_csv(written(folder, "path,label\npictures/Žan.jpg,x\n", "utf-8-sig"))) == 1


def test_missing_and_unreadable_files_are_skipped_with_the_reason(folder: Path):
    (folder / "pictures" / "text.jpg").write_text("no image")
    found = read_csv(written(folder, "pictures/text.jpg,a\nnone.jpg,b\npictures/Žan.jpg,c\npictures,c\n"))
    assert found.names == ("c",)
    assert len(found) == 1
    assert {Path(item.path).name: item.reason for item in found.skipped} == {
        "text.jpg": "not an image",
        "none.jpg": "not a file",
        "pictures": "not a file",
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("pictures/Žan.jpg,a\nb.jpg\n", r"line 2: found 'b\.jpg', expected 2 fields, found 1"),
        ("a.jpg,Lee, Ann\n", "line 1: .*expected 2 fields, found 3.*a name with a comma needs quotes"),
        ("path,label,x\na.jpg,Ann\n", "line 2: .*expected 3 fields, found 2"),
        ("a.jpg,\n", "line 1: .*expected a path and a label"),
        (" ,Ann\n", "line 1: .*expected a path and a label"),
        ("a\0.jpg,Ann\n", "line 1: .*"),
        ('a.jpg,"Ann\n', "line 1: unexpected end of data"),
        ('a.jpg,"Ann"x\n', "line 1: .*expected after"),
        ("a.jpg,b" + "x" * 200_000 + "\n", "line 1: field larger than field limit"),
        ("", "found no line with an image"),
        ("path,label\n", "found no line with an image"),
        ("a.jpg,b\nc.jpg,d\n", "none of its 2 files is a readable image, the first .*a.jpg: not a file"),
    ],
)
def test_a_malformed_line_is_reported_with_its_number(folder: Path, text: str, words: str):
    with pytest.raises(UserError, match=words):
        read_csv(written(folder, text))


def test_a_file_that_is_missing_or_not_text_is_reported(folder: Path):
    with pytest.raises(UserError, match=r"found no file at .*none\.csv"):
        read_csv(folder / "none.csv")
    with pytest.raises(UserError, match="not UTF-8, expected a CSV"):
        read_csv(written(folder, "a.jpg,Žan\n", "utf-16"))
