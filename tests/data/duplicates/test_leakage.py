"""Leakage: test identities are found in training regardless of spelling, and so are images in both parts."""

import csv
import dataclasses
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfw_jax.data.duplicates.leakage import (
    SharedPicture,
    comparable_name,
    exclusion_note,
    read_shared_pictures,
    shared_identities,
    shared_pictures,
    without,
    write_shared_pictures,
)
from lfw_jax.data.formats.folder import read_folder
from lfw_jax.data.images import ImageSet
from lfw_jax.data.pair_list import PairList
from lfw_jax.data.synthetic import write_folder
from lfw_jax.errors import UserError


@given(st.text(max_size=20))
def test_case_form_and_separators_do_not_distinguish_names(name: str):
    wanted = comparable_name(name)
    assert comparable_name(name.upper()) == comparable_name(name.upper().casefold())
    assert comparable_name(name.replace("_", " ")) == wanted
    assert comparable_name(f" {name}-") == wanted
    assert comparable_name(unicodedata.normalize("NFD", name)) == wanted
    assert comparable_name(wanted) == wanted
    assert comparable_name("\u200b".join(name)) == wanted
    assert comparable_name("\u2019".join(name)) == comparable_name("'".join(name))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Jean-Paul_Sartre", "jean paul sartre"),
        ("Jose\u0301_Aznar", "José Aznar"),
        ("Ａｎｎ＿Ｌｅｅ", "Ann_Lee"),
        ("Suh_Chung\u2011won", "SUH CHUNG-WON"),
        ("Weiß", "WEISS"),
        ("Sinead_O\u2019Connor", "sinead o'connor"),
        ("Sinead_OConnor", "Sinead O\u00b4Connor"),
        ("Ann_Lee", "Ann\u200b_Lee\ufeff"),
        ("Ann_Lee", "An\u00adn_Lee"),
        ("Ann_Lee", "\u202aAnn\u2060 Lee\ufe0f"),
        ("\u0130brahim_Tatl\u0131ses", "ibrahim tatlises"),
        ("\u0130BRAHIM_TATLISES", "\u0130brahim_Tatl\u0131ses"),
    ],
)
def test_an_identity_spelt_in_two_ways_is_found_with_both_spellings(one: str, other: str):
    assert shared_identities([one, "Bob"], {other, "Cy"}) == {one: other}


def test_two_identities_with_similar_names_stay_distinct():
    assert shared_identities(["Ann_Lee", "Jose_Aznar"], ["An_Nlees", "José_Aznar", "Anna_Lee"]) == {}


def test_the_exact_spelling_takes_precedence():
    assert shared_identities(["Ann_Lee"], ["ann lee", "Ann_Lee"]) == {"Ann_Lee": "Ann_Lee"}


def test_the_note_counts_and_shows_spellings():
    assert exclusion_note({"Ann": "Ann"}, "pairs") == "1 identity named in pairs was excluded from training."
    note = exclusion_note({"Ann_Lee": "ann lee", "Bob": "Bob"}, "pairs")
    assert (
        note
        == "2 identities named in pairs were excluded from training, 1 of them spelt differently there: Ann_Lee (ann lee)."
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write synthetic faces; the last identity has a copy of the first image of the first one."""
    folder = write_folder(
        tmp_path_factory.mktemp("synthetic") / "faces", people=12, images_per_person=2, side=100, seed=3
    )
    first, *_, last = sorted(path for path in folder.iterdir() if path.is_dir())
    (last / f"{last.name}_0003.jpg").write_bytes((first / f"{first.name}_0001.jpg").read_bytes())
    return folder


def first_against_rest(folder: Path) -> tuple[ImageSet, ImageSet, PairList]:
    images = read_folder(folder)
    test = images.of_identities({images.names[0]})
    pairs = PairList(((images.names[0], 1),), ((images.names[0], 2),), np.array([True]), "test")
    return images.of_identities(set(images.names[1:])), test, pairs


def test_a_training_image_that_duplicates_a_test_image_is_listed_and_can_be_removed(folder: Path, tmp_path: Path):
    training, test, pairs = first_against_rest(folder)
    (found,) = shared_pictures(training, [(pairs, test, 1.0)])
    assert (found.training_identity, found.training_number) == (training.names[-1], 3)
    assert (found.test_identity, found.test_number, found.list, found.distance) == (test.names[0], 1, "test", 0)
    assert found.training_image.endswith("_0003.jpg")
    left = without(training, [found])
    assert len(left) == len(training) - 1
    assert left.names == training.names
    with pytest.raises(KeyError):
        left.indices([(training.names[-1], 3)])
    write_shared_pictures(tmp_path / "near.csv", [found])
    assert read_shared_pictures(tmp_path / "near.csv") == (found,)
    with (tmp_path / "near.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["training_identity"] == training.names[-1]
    with pytest.raises(UserError, match="not among the training images"):
        without(training, [dataclasses.replace(found, training_number=99)])


def test_a_name_that_a_spreadsheet_would_run_is_quoted_in_the_file_and_read_back(tmp_path: Path):
    shared = SharedPicture("=cmd|' /C calc'!A0", 3, "+1.jpg", "-pairs", "@Bo", 1, "'=1.jpg", 4)
    write_shared_pictures(tmp_path / "near.csv", [shared])
    assert read_shared_pictures(tmp_path / "near.csv") == (shared,)
    with (tmp_path / "near.csv").open(newline="") as file:
        _, cells = csv.reader(file)
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in cells)


def test_the_columns_of_earlier_runs_are_read(tmp_path: Path):
    header = "training_person,training_number,training_image,list,judged_person,judged_number,judged_image,distance"
    (tmp_path / "near.csv").write_text(f"{header}\nAnn,3,Ann_3.jpg,pairs,Bo,1,Bo_1.jpg,4\n")
    assert read_shared_pictures(tmp_path / "near.csv") == (
        SharedPicture("Ann", 3, "Ann_3.jpg", "pairs", "Bo", 1, "Bo_1.jpg", 4),
    )


def test_nothing_shared_is_an_empty_list_that_reads_back(folder: Path, tmp_path: Path):
    training, test, pairs = first_against_rest(folder)
    clean = training.of_identities(set(training.names[:-1]))
    assert shared_pictures(clean, [(pairs, test, 1.0)]) == ()
    write_shared_pictures(tmp_path / "near.csv", [])
    assert read_shared_pictures(tmp_path / "near.csv") == ()


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"\xff\xfe\x00", b"training_identity,distance\nAnn,x\n"])
def test_another_file_is_refused(tmp_path: Path, content: bytes):
    (tmp_path / "near.csv").write_bytes(content)
    with pytest.raises(UserError, match="not the list of near duplicates"):
        read_shared_pictures(tmp_path / "near.csv")
