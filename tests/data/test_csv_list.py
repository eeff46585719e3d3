"""CSV lists of path,label: names of every kind, and errors that name the malformed line."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lfw_jax.data.formats.csv_list import read_csv
from lfw_jax.data.sources import read_path
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
        read_csv(written(folder, "a.jpg,Žan\n", "cp1250"))
    (folder / "list.csv").write_bytes(b"\xff\xfea\0.")  # UTF-16 that ends within a character
    with pytest.raises(UserError, match="not UTF-8, expected a CSV"):
        read_csv(folder / "list.csv")


def test_utf_16_with_a_byte_order_mark_is_read(folder: Path):
    for encoding in ("utf-16-le", "utf-16-be"):
        found = read_csv(written(folder, "\ufeffpath,label\r\npictures/Žan.jpg,Žan\r\n", encoding))
        assert found.names == ("Žan",)


@pytest.mark.parametrize(
    "header", ["file_name,label", "filename,identity", "Image,Id", "IMAGE_PATH;Person", "img\tclass", "label,id,image id",
               "file label"],
)  # fmt: skip
def test_a_header_with_other_titles_is_recognised(folder: Path, header: str):
    delimiter = next((character for character in ",;\t" if character in header), " ")
    row = {"label,id,image id": ["Ann", "7", "pictures/a_0003.jpg"]}.get(header, ["pictures/a_0003.jpg", "Ann"])
    found = read_csv(written(folder, f"{header}\n{delimiter.join(row)}\n"))
    assert found.keys() == [("Ann", 3)]


@pytest.mark.parametrize(
    ("name", "text", "names"),
    [
        ("identity_CelebA.txt", "a_0003.jpg 2880\na_0001.jpg 2937\n", ["2880", "2937"]),
        ("faces.txt", "c, d.jpg\t7\n", None),
        ("faces.lst", "c, d.jpg\t7\n", ["7"]),
        ("insightface.lst", "1\ta_0003.jpg\t5\n0\tc, d.jpg\t6\t0\t0\t9\t9\n", ["5", "6"]),
        ("mxnet.lst", "0\t5.000000\ta_0003.jpg\n17\t6.000000\tc, d.jpg\n", ["5", "6"]),
        ("faces.CSV", "pictures\\a_0003.jpg,Ann\npictures\\王 芳\\b 1.png,王 芳\n", ["Ann", "王 芳"]),
    ],
)
def test_lists_of_other_tools_are_read_with_their_images_beside_or_in_one_folder(
    folder: Path, name: str, text: str, names: list[str] | None
):
    (folder / "notes").mkdir()
    (folder / name).write_text(text, encoding="utf-8")
    if names is None:
        with pytest.raises(UserError, match="none of its 1 files"):  # a comma separates, except in a .lst or .tsv
            read_path(folder / name)
        return
    found, lists = read_path(folder / name)
    assert [found.names[label] for label in found.labels] == names
    assert all(path.is_file() for path in found.images)
    assert lists == folder


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "image,file,label\na.jpg,b.jpg,c\n",
            "line 1: found the columns 'image' and 'file', which could both be the path",
        ),
        ("file,id,name\na.jpg,1,Ann\n", "line 1: found the columns 'id' and 'name', which could both be the label"),
        (
            "image,whale\na.jpg,1\n",
            "line 1: found the columns image, whale, expected .* Call the column of the labels label",
        ),
        ("1\ta.jpg\tb.jpg\n", "line 1: .*expected 2 fields, found 3"),
        ("1\t2\ta.jpg\n2\t2.5\ta.jpg\n", "line 2: .*expected a whole number as the label"),
        ("1\ta.jpg\t5\n1\ta.jpg\n", "line 2: .*expected 3 fields, found 2"),
        ("a.jpg 1\nb.jpg\n", "line 2: .*expected 2 fields, found 1"),
        ("a_0003.jpg 1\n", r"line 1: found 'a_0003\.jpg' in .*/copy and in .*/pictures, expected one folder"),
    ],
)
def test_what_is_ambiguous_is_refused_by_line(folder: Path, text: str, words: str):
    (folder / "copy").mkdir()
    (folder / "copy" / "a_0003.jpg").write_bytes((folder / "pictures" / "a_0003.jpg").read_bytes())
    with pytest.raises(UserError, match=words):
        read_csv(written(folder, text))
