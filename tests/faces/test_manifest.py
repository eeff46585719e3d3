"""The manifest: what is written is read again, a killed run loses no row, and names are safe as files."""

import csv
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfw_jax.errors import UserError
from lfw_jax.faces.detection import Face
from lfw_jax.faces.journal import Journal
from lfw_jax.faces.manifest import UNFINISHED, Row, Rows, read_manifest, write_manifest
from lfw_jax.faces.naming import crop_files, safe_name

POINTS = np.array([(10.5, 20.25), (30, 20), (20, 30), (12, 40), (28, 41.125)])
FACE = Face((1.5, 2.5, 40.0, 60.25), POINTS, 0.987654)
ROWS = [
    Row("Ann/Ann_0001.jpg", "faces/Ann/Ann_0001.jpg", FACE, 3),
    Row("Bo, the 2nd/x.jpg", 'a "quoted", name.png', None, 0),
    Row("", "broken.jpg", None, 0, "a JPEG that is cut off before its end"),
    Row("李娜/李娜_0001.jpg", "李娜.png", FACE, 1),
]


def same(one: Row, other: Row) -> bool:
    if (one.file, one.source, one.faces, one.fault) != (other.file, other.source, other.faces, other.fault):
        return False
    if one.face is None or other.face is None:
        return one.face is other.face
    return (
        np.allclose(one.face.points, other.face.points, atol=5e-4)
        and np.allclose(one.face.box, other.face.box, atol=5e-4)
        and abs(one.face.score - other.face.score) < 1e-6
    )


def test_what_is_written_is_read_again(tmp_path: Path):
    write_manifest(tmp_path / "manifest.csv", Rows(ROWS))
    read = read_manifest(tmp_path / "manifest.csv")
    assert len(read) == len(ROWS)
    assert all(map(same, ROWS, read))
    assert [row.fallback for row in read] == [False, True, False, False]


def test_a_name_that_a_spreadsheet_would_run_is_quoted_in_the_file_and_read_back(tmp_path: Path):
    names = ("=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "'=1")
    rows = [Row(f"{name}/a.jpg", name, None, 0, fault=f"{name}?") for name in names]
    write_manifest(tmp_path / "manifest.csv", Rows(rows))
    assert all(map(same, rows, read_manifest(tmp_path / "manifest.csv")))
    with (tmp_path / "manifest.csv").open(newline="") as file:
        cells = [cell for fields in csv.reader(file) for cell in fields]
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in cells)


def test_rows_are_kept_as_lines_and_taken_as_a_list_is():
    rows = Rows(ROWS)
    assert all(same(*pair) for pair in zip(rows, ROWS, strict=True))
    assert same(rows[-1], ROWS[-1])
    assert all(same(*pair) for pair in zip(rows[1:3], ROWS[1:3], strict=True))
    assert [row.file for row in rows.take([3, 0, 3])] == [ROWS[place].file for place in (3, 0, 3)]
    assert len(rows[4:]) == 0
    with pytest.raises(IndexError):
        rows[4]


def test_a_million_rows_would_be_some_hundred_megabytes():
    tracemalloc.start()
    rows = Rows(ROWS[0] for _ in range(5_000))
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert held < 300 * len(rows)


def test_a_killed_run_loses_no_whole_row(tmp_path: Path):
    path = tmp_path / "manifest.csv"
    journal = Journal(path)
    journal.append(ROWS[:1])
    journal.append(ROWS[1:])
    content = path.read_bytes()
    lines = content.splitlines(keepends=True)
    for end in range(len(lines[0]), len(content) + 1):
        path.write_bytes(content[:end])
        whole = content[:end].count(b"\n") - 1
        again = Journal(path)
        assert len(again.rows) == whole
        assert all(map(same, ROWS, again.rows))
        again.append(ROWS[whole:])
        assert path.read_bytes() == content


def test_what_is_no_manifest_is_refused_with_its_line(tmp_path: Path):
    path = tmp_path / "manifest.csv"
    path.write_text("name,age\nAnn,3\n")
    with pytest.raises(UserError, match=r"manifest\.csv: the first line is not that of a manifest"):
        read_manifest(path)
    write_manifest(path, Rows(ROWS))
    path.write_text(path.read_text(encoding="utf-8").replace("0.987654", "sure", 1), encoding="utf-8")
    with pytest.raises(UserError, match=r"manifest\.csv, line 2: found 'Ann/Ann_0001\.jpg"):
        read_manifest(path)
    with pytest.raises(UserError, match="cannot be read"):
        read_manifest(tmp_path / "none.csv")


@given(st.text())
def test_any_text_becomes_a_name_that_any_system_takes(text: str):
    name = safe_name(text)
    assert name
    assert not name.startswith(".")
    assert not name.endswith(".")
    assert not set(name) & set('/\\:*?"<>|\0\n\r\t')
    assert len(name.encode()) <= 200
    assert safe_name(name) == name


@given(st.lists(st.tuples(st.text(max_size=3), st.text(max_size=3)), max_size=30))
def test_no_two_crops_share_a_file(images: list[tuple[str, str]]):
    files = list(crop_files(images, "jpg"))
    assert len(files) == len(images)
    assert len({file.casefold() for file in files}) == len(files)
    assert files == list(crop_files(images, "jpg"))


def test_a_crop_keeps_the_name_of_its_image():
    images = [("Ann", "Ann_0001.jpg"), ("Ann", "Ann_0001.png"), ("李 娜", "照片 1.JPEG"), ("A/B", "v1.2"), ("..", ".x")]
    assert list(crop_files(images, "png")) == [
        "Ann/Ann_0001.png", "Ann/Ann_0001~2.png", "李 娜/照片 1.png", "A_B/v1.2.png", "_/_x.png",
    ]  # fmt: skip


def test_what_a_killed_run_was_writing_is_removed_and_nothing_else(tmp_path: Path):
    (tmp_path / "Ada [1]").mkdir()
    pending, done = "Ada [1]/Ada_0001.jpg", "Ada [1]/Ada_0002.jpg"
    announced = [Row(file, file, None, 0, UNFINISHED) for file in (pending, done)]
    write_manifest(tmp_path / "manifest.csv", Rows([*announced, Row(done, done, None, 0)]))
    left, other = (tmp_path / "Ada [1]" / f".Ada_000{number}.jpg.77.3.unfinished" for number in (1, 2))
    for path in (left, other, tmp_path / done):
        path.touch()
    Journal(tmp_path / "manifest.csv").remove_unfinished()
    assert not left.exists()
    assert other.exists()  # that of a crop that is finished belongs to no killed run of this manifest
    assert (tmp_path / done).exists()
