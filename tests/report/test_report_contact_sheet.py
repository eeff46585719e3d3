"""A contact sheet shows every picture unchanged, in its place, over what fits of its caption."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from lfw_jax.report.contact_sheet import contact_sheet, write_contact_sheet


def pictures(count: int, height: int = 9, width: int = 70) -> list[np.ndarray]:
    return list(np.random.default_rng(0).integers(0, 256, (count, height, width, 3), dtype=np.uint8))


def place_of(picture: np.ndarray, sheet: np.ndarray) -> tuple[int, int]:
    """Where a sheet holds exactly this picture."""
    windows = np.lib.stride_tricks.sliding_window_view(sheet, picture.shape)[:, :, 0]
    [place] = np.argwhere((windows == picture).all(axis=(2, 3, 4)))
    return int(place[0]), int(place[1])


def ink(sheet: np.ndarray) -> int:
    return int((sheet < 128).all(axis=-1).sum())


def test_pictures_stand_in_rows_pixel_for_pixel():
    shown = pictures(5)
    places = [place_of(picture, contact_sheet(shown, columns=2)) for picture in shown]
    rows, columns = sorted({row for row, _ in places}), sorted({column for _, column in places})
    assert places == [(rows[i // 2], columns[i % 2]) for i in range(5)]


def test_pictures_of_several_sizes_keep_theirs():
    shown = pictures(1, 20, 30) + pictures(1, 8, 12)
    sheet = contact_sheet(shown, columns=2)
    (top, left), (inner_top, inner_left) = (place_of(picture, sheet) for picture in shown)
    assert inner_top == top + 6
    assert inner_left > left + 30


def test_captions_and_title_are_drawn_and_no_picture_is_touched():
    shown = [np.full((20, 80, 3), 200, np.uint8)] * 2
    bare, captioned = contact_sheet(shown, columns=2), contact_sheet(shown, ["one", "two"], columns=2)
    titled = contact_sheet(shown, ["one", "two"], columns=2, title="What the network sees")
    assert ink(bare) == 0 < ink(captioned) < ink(titled)
    for sheet in (bare, captioned, titled):
        assert (sheet == 200).all(axis=-1).sum() >= 2 * 20 * 80


def test_a_long_caption_is_cut_within_its_cell_and_a_long_title_broken_into_lines():
    white = [np.full((10, 80, 3), 255, np.uint8)] * 2
    sheet = contact_sheet(white, ["Abdul " * 40, ""], columns=2)
    assert sheet.shape == contact_sheet(white, ["a", ""], columns=2).shape
    assert ink(sheet[:, : sheet.shape[1] // 2]) > 50
    assert ink(sheet[:, sheet.shape[1] // 2 :]) == 0
    long = contact_sheet(white, columns=2, title="many words in a row " * 5)
    assert long.shape[0] > contact_sheet(white, columns=2, title="many").shape[0] + 20


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_captions_and_titles_of_any_script_are_drawn(captions: list[str]):
    shown = [np.full((8, 64, 3), 255, np.uint8)] * len(captions)
    plain = contact_sheet(shown, ["a"] * len(captions), columns=2)
    assert contact_sheet(shown, captions, columns=2).shape == plain.shape
    assert contact_sheet(shown, columns=2, title=captions[0]).shape[1] >= contact_sheet(shown, columns=2).shape[1]


@pytest.mark.parametrize(
    "name", ["Žižek", "Łukasz", "Αθηνά", "Фёдор", "نورا", "דוד", "张三", "राम", "한국", "\ud800", "🙂"]
)
def test_a_name_of_any_script_leaves_ink(name: str):
    assert ink(contact_sheet([np.full((8, 64, 3), 255, np.uint8)], [name], columns=1)) > 0


def test_no_picture_at_all_is_said():
    assert ink(contact_sheet([], [], columns=4, title="Faces not found")) > ink(contact_sheet([], columns=4)) > 0


def test_a_sheet_is_written_whole_and_leaves_nothing_beside_it(tmp_path):
    path = tmp_path / "sheets" / "faces.png"
    write_contact_sheet(path, pictures(3), ["ä", "b", "c"], columns=2, title="faces")
    with Image.open(path) as image:
        assert image.format == "PNG"
        expected = contact_sheet(pictures(3), ["ä", "b", "c"], columns=2, title="faces")
        np.testing.assert_array_equal(np.asarray(image), expected)
    (tmp_path / "sheets" / "taken.png").mkdir()
    with pytest.raises(OSError, match="taken"):
        write_contact_sheet(tmp_path / "sheets" / "taken.png", pictures(1), columns=1)
    assert sorted(file.name for file in path.parent.iterdir()) == ["faces.png", "taken.png"]


@pytest.mark.parametrize(
    ("images", "captions", "columns", "words"),
    [
        ([np.zeros((4, 4, 3))], None, 1, "expected uint8"),
        ([np.zeros((4, 4), np.uint8)], None, 1, "expected uint8"),
        ([np.zeros((0, 4, 3), np.uint8)], None, 1, "expected uint8"),
        ([np.zeros((4, 4, 3), np.uint8)], ["a", "b"], 1, "2 captions"),
        ([np.zeros((4, 4, 3), np.uint8)], None, 0, "0 columns"),
    ],
)
def test_what_cannot_be_laid_out_is_refused_in_words(images, captions, columns, words):
    with pytest.raises(ValueError, match=words):
        contact_sheet(images, captions, columns=columns)
