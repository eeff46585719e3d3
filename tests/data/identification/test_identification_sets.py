"""A protocol names templates, galleries, probes and distractors, and its identities never train."""

import re
from pathlib import Path

import numpy as np
import pytest

from lfw_jax.data.formats.folder import read_folder
from lfw_jax.data.images import ImageSet
from lfw_jax.data.protocols.data_record import changed_sets, record_of
from lfw_jax.data.protocols.identification_sets import read_identification_sets
from lfw_jax.data.protocols.partition import EvaluationPlan, partition
from lfw_jax.data.protocols.splits import Split
from lfw_jax.errors import UserError
from tests.data.identification.protocol_files import HEADER, write, write_image, write_protocol

DATA = dict(protocol="generated", validation_people=0.2, test_people=0.2, pairs=10, near_duplicates="ignore", fold=0)


def test_a_protocol_is_read_with_all_its_parts(tmp_path: Path):
    (item,) = read_identification_sets([str(write_protocol(tmp_path / "small"))])
    assert item.name == "small"
    assert len(item.rows.ids) == 12
    assert list(item.galleries) == ["gallery"]
    assert [item.rows.ids[i] for i in item.galleries["gallery"]] == ["1", "2", "3", "4", "5"]
    assert [item.rows.ids[i] for i in item.probes] == ["101", "102", "103", "104", "105", "106"]
    assert item.pairs is not None
    assert item.pairs.same.tolist() == [True] * 6 + [False] * 6
    assert item.distractors == 3
    assert len(item.images) == len(item.rows.files) + 3 == 33
    assert len(set(item.keys())) == 33
    assert item.identities == {f"Person {person}" for person in range(1, 7)}
    assert [Path(str(item.images.images[i])).name for i in (0, 32)] == ["0.png", "2.png"]
    assert item.images.names[item.images.labels[32]] == "distractors of small"


def test_images_are_found_in_a_folder_that_protocol_or_option_names(tmp_path: Path):
    path = write_protocol(tmp_path / "p", distractors=0)
    (tmp_path / "p" / "images").rename(tmp_path / "elsewhere")
    with pytest.raises(UserError, match=r"--config.evaluation.identification: .*templates.csv: 30 of the 30 images"):
        read_identification_sets([str(path)])
    (by_option,) = read_identification_sets([f"{path}@{tmp_path / 'elsewhere'}"])
    path.write_text(path.read_text() + "images,../elsewhere\n")
    (by_part,) = read_identification_sets([str(path)])
    for index in range(30):
        assert Path(str(by_part.images.images[index])).samefile(str(by_option.images.images[index]))


def test_several_galleries_are_searched_each(tmp_path: Path):
    path = write_protocol(tmp_path / "p")
    write(tmp_path / "p" / "g2.csv", ["5", "4"])
    path.write_text(path.read_text() + "gallery,g2.csv\n")
    (item,) = read_identification_sets([str(path)])
    assert [(name, len(gallery)) for name, gallery in item.galleries.items()] == [("gallery", 5), ("g2", 2)]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("galery,gallery.csv", "line 7: found 'galery,gallery.csv', expected one of templates, gallery, probes"),
        ("templates,templates.csv", "expected one line of templates"),
        ("gallery,nothing.csv", "expected a file; there is none at"),
        ("distractors,gallery.csv", "expected a folder; there is none at"),
        ("closed,maybe", "expected yes or no for closed"),
        ("gallery,gallery.csv", "with galleries of different names"),
        ("closed,yes", "1 of 6 probes have no mate in the gallery 'gallery', the first 106; expected a mate for each"),
        ("gallery,both.csv", "1 templates are in the gallery both and among the probes, the first 101; expected none"),
        ("gallery,empty.csv", "empty.csv: found no template, expected one template_id per line"),
        ("gallery,six.csv", "6 of 6 probes have no mate in the gallery 'six', the first 101; expected a mate for some"),
        ("distractors,none", "none: found no image, expected distractors"),
        ("distractors,broken", "broken/0.png is"),
    ],
)
def test_a_faulty_protocol_is_one_sentence(tmp_path: Path, more: str, message: str):
    folder = tmp_path / "p"
    path = write_protocol(folder)
    write(folder / "both.csv", ["template_id", "1", "101"])
    write(folder / "empty.csv", ["template_id"])
    write(folder / "six.csv", ["x1"])
    (folder / "none").mkdir()
    (folder / "broken").mkdir()
    (folder / "broken" / "0.png").write_bytes(b"\x89PNG\r\n\x1a\ncut")
    write_image(folder / "images" / "x.png", 5000)
    templates = folder / "templates.csv"
    templates.write_text(templates.read_text() + "x1,Stranger,x.png,,1\n")
    path.write_text(path.read_text() + more + "\n")
    with pytest.raises(UserError, match=re.escape(message)) as error:
        read_identification_sets([str(path)])
    assert str(error.value).startswith("--config.evaluation.identification: ")


def test_a_missing_part_a_missing_image_and_a_missing_protocol_are_named(tmp_path: Path):
    path = write_protocol(tmp_path / "p")
    (tmp_path / "p" / "images" / "Person 2" / "7.png").unlink()
    with pytest.raises(UserError, match=r"1 of the 30 images it names are missing in .*, the first Person 2/7.png"):
        read_identification_sets([str(path)])
    for lines in (["templates,templates.csv", "gallery,gallery.csv"], ["gallery,gallery.csv", "probes,probes.csv"]):
        write(path, lines)
        with pytest.raises(UserError, match=re.escape("expected templates, and either both of gallery and probes or")):
            read_identification_sets([str(path)])
    with pytest.raises(UserError, match="found nothing there, expected a CSV of part,path"):
        read_identification_sets([str(tmp_path / "nothing.csv")])


def test_two_sets_of_one_name_are_refused(tmp_path: Path):
    one, two = write_protocol(tmp_path / "a" / "p"), write_protocol(tmp_path / "b" / "p")
    with pytest.raises(UserError, match="two sets are called p, expected different names"):
        read_identification_sets([f"{one},{two}"])
    with pytest.raises(UserError, match="two sets are called p"):
        read_identification_sets([str(one), str(two)])


def test_identities_that_are_numbers_count_only_within_the_data(tmp_path: Path):
    write_image(tmp_path / "data" / "1.png", 1)
    write_image(tmp_path / "data" / "2.png", 2)
    write(tmp_path / "data" / "t.csv", ["template_id,subject_id,file", "1,7,1.png", "2,Ann,2.png"])
    path = write(tmp_path / "data" / "numbers.csv", ["templates,t.csv"])
    for data_dir, identities in ((tmp_path / "data", {"7", "Ann"}), (tmp_path, {"Ann"}), (None, {"Ann"})):
        (item,) = read_identification_sets([str(path)], data_dir)
        assert item.identities == identities
    write(tmp_path / "data" / "t.csv", ["template_id,subject_id,file", "1,7,1.png"])
    (item,) = read_identification_sets([str(path)])
    assert "training identities may be among them" in item.notes[0]


def divided(images: ImageSet, data_dir: Path, protocol: Path, workdir: Path) -> tuple[Split, EvaluationPlan]:
    evaluation = {"sets": (), "identification": (str(protocol),)}
    return partition(images, {"seed": 0, "data": DATA, "evaluation": evaluation}, data_dir, workdir)


@pytest.fixture
def data(tmp_path: Path) -> ImageSet:
    """Sixteen identities, of which four are in the protocol: two by name, two by an image alone, one of them a distractor."""
    protocol = tmp_path / "p"
    write_protocol(protocol)
    for person in range(16):
        name = {0: "PERSON_1", 1: "person 6"}.get(person, f"N {person}")
        for image in range(3):
            write_image(tmp_path / "data" / name / f"{image}.png", 2000 + 10 * person + image)
    (tmp_path / "data" / "N 2" / "9.png").write_bytes((protocol / "images" / "Person 3" / "10.png").read_bytes())
    (tmp_path / "data" / "N 3" / "9.png").write_bytes((protocol / "distractors" / "sub" / "1.png").read_bytes())
    return read_folder(tmp_path / "data")


def test_its_identities_never_train_by_name_or_by_content(data: ImageSet, tmp_path: Path):
    parts, plan = divided(data, tmp_path / "data", tmp_path / "p" / "protocol.csv", tmp_path / "none")
    evaluated = {"PERSON_1", "person 6", "N 2", "N 3"}
    assert not evaluated & {*parts.training.names, *parts.validation.identities()}
    assert set(plan.excluded["p"]) == {"Person 1", "Person 6", "N 2", "N 3"}
    assert plan.identification[0].identities > {"N 2", "N 3"}


def test_a_protocol_that_comes_later_counts_its_training_identities(data: ImageSet, tmp_path: Path):
    (tmp_path / "config.json").write_text("{}")
    parts, plan = divided(data, tmp_path / "data", tmp_path / "p" / "protocol.csv", tmp_path)
    trained = {*parts.training.names, *parts.validation.identities()}
    assert plan.leaking == {"p": len(trained & {"PERSON_1", "person 6", "N 2", "N 3"})}
    assert plan.leaking["p"] > 0


def test_near_duplicates_of_its_images_are_found(data: ImageSet, tmp_path: Path):
    (tmp_path / "config.json").write_text("{}")  # N 2 trains, as the set comes later
    config = {"seed": 0, "data": {**DATA, "near_duplicates": "list"}}
    config["evaluation"] = {"sets": (), "identification": (str(tmp_path / "p" / "protocol.csv"),)}
    parts, plan = partition(data, config, tmp_path / "data", tmp_path)
    assert plan.shared is not None
    found = {(item.training_identity, item.list) for item in plan.shared}
    assert found == {(name, "p") for name in ("N 2", "N 3") if name in parts.training.names}
    assert found


def test_a_name_of_an_evaluation_set_is_refused(data: ImageSet, tmp_path: Path):
    lines = ["path1,path2,same", "1/a.png,1/b.png,1", "1/a.png,2/a.png,0", "1/b.png,1/a.png,1", "1/b.png,2/a.png,0"]
    for index, name in enumerate(("1/a", "1/b", "2/a")):
        write_image(tmp_path / f"{name}.png", 7000 + index)
    evaluation = {
        "sets": (str(write(tmp_path / "p.csv", lines)),),
        "identification": (str(tmp_path / "p" / "protocol.csv"),),
    }
    with pytest.raises(UserError, match="the evaluation set p has the same name"):
        partition(data, {"seed": 0, "data": DATA, "evaluation": evaluation}, tmp_path / "data", tmp_path / "none")


def test_a_change_of_the_protocol_shows_in_the_record_of_the_data(data: ImageSet, tmp_path: Path):
    path = tmp_path / "p" / "protocol.csv"
    parts, plan = divided(data, tmp_path / "data", path, tmp_path / "none")
    before = record_of(parts, (), plan.identification)
    assert before.sets["p"].images["distractors of p"] == 3
    assert not changed_sets(before, record_of(parts, (), read_identification_sets([str(path)])))
    for file, old, new in (
        ("templates.csv", "m2,3", "m2,2"),
        ("templates.csv", "v1", "m2"),
        ("gallery.csv", "5\n", ""),
        ("pairs.csv", "1,101", "1,102\n1,101"),
    ):
        changed = tmp_path / "p" / file
        text = changed.read_text()
        assert old in text
        changed.write_text(text.replace(old, new))
        assert changed_sets(before, record_of(parts, (), read_identification_sets([str(path)]))), file
        changed.write_text(text)
    assert HEADER in (tmp_path / "p" / "templates.csv").read_text()
    assert np.bincount(plan.identification[0].rows.templates).tolist() == [1, 4] * 6
