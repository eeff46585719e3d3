"""Files of templates are read by their titles, and a faulty line is one sentence with its number."""

import re
from pathlib import Path

import pytest

from lfw_jax.data.protocols.template_files import TemplateRows, read_template_ids, read_template_pairs, read_templates
from lfw_jax.errors import UserError
from tests.data.identification.protocol_files import write

GOOD = [
    "SUBJECT_ID;FILENAME;TEMPLATE_ID;MEDIA_ID;Score;FACE_X",
    "Zoë;a/1.jpg;t1;m1;0.5;3",
    ";b/1.jpg;t2;;0;4",
    "",
    "Zoë;a/2.jpg;t1;m1;1;5",
    "Zoë;a/1.jpg;t3;m1;2.5;6",
    ";b/2.jpg;t2;;1;4",
]


@pytest.fixture
def rows(tmp_path: Path) -> TemplateRows:
    return read_templates(write(tmp_path / "t.csv", GOOD))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_templates_are_read_by_their_titles_in_any_order(tmp_path: Path, encoding: str):
    path = tmp_path / "t.csv"
    path.write_text("\n".join(GOOD), encoding=encoding)
    rows = read_templates(path)
    assert rows.ids == ("t1", "t2", "t3")
    assert rows.subjects == ("Zoë", "", "Zoë")
    assert rows.files == ("a/1.jpg", "b/1.jpg", "a/2.jpg", "b/2.jpg")
    assert rows.members.tolist() == [0, 1, 2, 0, 3]
    assert rows.templates.tolist() == [0, 1, 0, 2, 1]
    assert rows.subject_of_files() == ["Zoë", "", "Zoë", ""]
    assert rows.quality is not None
    assert rows.quality.tolist() == [0.5, 0, 1, 2.5, 1]
    assert rows.media is not None
    assert rows.media[0] == rows.media[2] == rows.media[3]
    assert len({*rows.media.tolist()}) == 3  # a row without a medium is one of its own


def test_media_and_quality_are_optional(tmp_path: Path):
    rows = read_templates(write(tmp_path / "t.csv", ["template_id\tsubject_id\tfile", "1\tAnn\tx.jpg"]))
    assert (rows.media, rows.quality) == (None, None)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["template_id,file", "1,x.jpg"], "its first line has no column subject_id (found: template_id, file)"),
        (["template_id,subject_id,file"], "found no template, expected one image per line"),
        ([], "found no template, expected one image per line"),
        (["template_id,subject_id,file", "1,Ann,"], "line 2: found '1,Ann,', expected a template_id and a file"),
        (["template_id,subject_id,file", "1,Ann"], "line 2: found '1,Ann', expected 3 fields as in the first line"),
        (["template_id,subject_id,file", '1,"Ann'], "found invalid CSV"),
        (["template_id,subject_id,file", "1,Ann,x", "1,Bob,y"], "line 3: found '1,Bob,y', expected subject_id 'Ann' for"),
        (["template_id,subject_id,file", "1,Ann,x", "2,Bob,x"], "subject_id 'Ann' for x, the same identity in every line"),
        (["template_id,subject_id,file,quality", "1,Ann,x,-1"], "expected a quality of 0 or more"),
        (["template_id,subject_id,file,quality", "1,Ann,x,nan"], "expected a quality of 0 or more"),
        (["template_id,subject_id,file,quality", "1,Ann,x,0"], "1 templates have images of quality 0 only, the first 1"),
        (["template,tid,subject_id,file"], "found the columns 'template' and 'tid', which could both be the template_id"),
    ],
)  # fmt: skip
def test_a_faulty_file_of_templates_is_one_sentence(tmp_path: Path, lines: list[str], message: str):
    path = write(tmp_path / "t.csv", lines)
    with pytest.raises(UserError, match=re.escape(message)) as error:
        read_templates(path)
    assert str(error.value).startswith(str(path))


def test_bytes_that_are_no_text_are_one_sentence(tmp_path: Path):
    (tmp_path / "t.csv").write_bytes(b"template_id,subject_id,file\n1,\xff,x\n")
    with pytest.raises(
        UserError, match="found bytes that are not UTF-8, expected a CSV of template_id,subject_id,file"
    ):
        read_templates(tmp_path / "t.csv")
    with pytest.raises(UserError, match="cannot be read"):
        read_templates(tmp_path / "missing.csv")


def test_a_list_of_templates_names_each_once_with_or_without_header(tmp_path: Path):
    index_of = {"a": 0, "b": 1, "c": 2}
    for lines in (["TEMPLATE_ID", "c", "a", "c"], ["c", "a"], ["SUBJECT_ID,TEMPLATE_ID", "s,c", "s,a", "t,c"]):
        assert read_template_ids(write(tmp_path / "g.csv", lines), index_of).tolist() == [2, 0]
    for lines, message in (
        (["template_id", "d"], "line 2: found 'd', expected a template_id of the file of templates, which has no 'd'"),
        (["template_id"], "found no template, expected one template_id per line"),
        ([""], "found no template"),
    ):
        with pytest.raises(UserError, match=re.escape(message)):
            read_template_ids(write(tmp_path / "g.csv", lines), index_of)


def test_labels_of_pairs_follow_from_the_identities(tmp_path: Path, rows: TemplateRows):
    pairs = read_template_pairs(
        write(tmp_path / "p.csv", ["template1,template2,same,fold", "t1,t3,1,4", "t1,t2,0,7", "t3,t1,yes,7"]), rows
    )
    assert pairs.first.tolist() == [0, 0, 2]
    assert pairs.second.tolist() == [2, 1, 0]
    assert pairs.same.tolist() == [True, False, True]
    assert pairs.folds.tolist() == [4, 7, 7]
    assert pairs.name == "p"


def test_pairs_without_folds_get_tenths_of_each_kind(tmp_path: Path):
    lines = ["template_id,subject_id,file", *(f"{i},{'Ann' if i < 3 else i},{i}.jpg" for i in range(6))]
    rows = read_templates(write(tmp_path / "t.csv", lines))
    pairs = read_template_pairs(write(tmp_path / "p.csv", ["0,1", "0,2", "0,3", "1,4"]), rows)
    assert pairs.same.tolist() == [True, True, False, False]
    assert pairs.folds.tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["template1,template2", "t1,t9"], "line 2: found 't1,t9', expected a template_id of the file of templates"),
        (["template1,template2", "t1,t1"], "line 2: found 't1,t1', expected two different templates"),
        (
            ["template1,template2,same", "t1,t3,0"],
            "expected two different templates, and same as their subject_id tell",
        ),
        (["template1,template2", "t1,t2"], "and same as their subject_id tell"),
        (["template1,template2,same,fold", "t1,t3,1,-1"], "expected an integer from 0 as fold"),
        (["template1,template2", "t1,t3"], "found 1 same pairs and 0 different pairs"),
        (["template1,template2"], "found 0 same pairs and 0 different pairs"),
        (["template1,template2,same", "t1,t3,1", "t1,t2,0"], "found 2 pairs in one fold, expected at least 2 folds"),
    ],
)
def test_faulty_pairs_are_one_sentence(tmp_path: Path, rows: TemplateRows, lines: list[str], message: str):
    with pytest.raises(UserError, match=re.escape(message)):
        read_template_pairs(write(tmp_path / "p.csv", lines), rows)
