"""Every format of evaluation sets gives the pairs, folds and identities of its files, and reports malformed ones."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lfw_jax.data.formats.folder import read_folder
from lfw_jax.data.formats.verification_bin import write_verification_bin
from lfw_jax.data.images import ImageSet
from lfw_jax.data.pair_list import PairList
from lfw_jax.data.protocols.evaluation_sets import read_evaluation_set, read_evaluation_sets
from lfw_jax.data.protocols.splitting import evaluation_pairs, split
from lfw_jax.errors import UserError


def picture(path: Path, shade: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (12, 12), (shade % 256, 40, 90)).save(path)


def files_of(images: ImageSet, keys) -> list[str]:
    return ["/".join(Path(str(images.images[index])).parts[-2:]) for index in images.indices(keys)]


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """Six identities with two images each, in a folder of the user."""
    for number, name in enumerate(["Ann Lee", "Bo", "Cy", "Dee", "Éva", "Fo"]):
        for image in (1, 2):
            picture(tmp_path / "mine" / name / f"{name}_{image:04d}.jpg", 20 * number + image)
    return tmp_path / "mine"


CSV = """path1,path2,same
Ann Lee/Ann Lee_0001.jpg,Ann Lee/Ann Lee_0002.jpg,1
"Bo/Bo_0001.jpg",Cy/Cy_0001.jpg,0
"""


def test_a_csv_beside_its_images_gives_pairs_and_identities(people: Path):
    (people / "pairs.csv").write_text("\ufeff" + CSV)
    found = read_evaluation_set(str(people / "pairs.csv"))
    assert found.pairs.same.tolist() == [True, False]
    assert files_of(found.images, found.pairs.first) == ["Ann Lee/Ann Lee_0001.jpg", "Bo/Bo_0001.jpg"]
    assert files_of(found.images, found.pairs.second) == ["Ann Lee/Ann Lee_0002.jpg", "Cy/Cy_0001.jpg"]
    assert found.identities == {"Ann Lee", "Bo", "Cy"}
    assert (found.name, found.pairs.folds, found.development, found.notes) == ("pairs", None, None, ())


def test_paths_are_relative_to_the_data_folder_or_to_the_folder_after_the_at_sign(people: Path, tmp_path: Path):
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "pairs.csv").write_text(CSV)
    with pytest.raises(UserError, match=r"4 of the 4 images it names are missing.*@FOLDER"):
        read_evaluation_set(str(tmp_path / "lists" / "pairs.csv"))
    for found in (
        read_evaluation_set(str(tmp_path / "lists" / "pairs.csv"), people),
        read_evaluation_set(f"{tmp_path}/lists/pairs.csv@{people}"),
    ):
        assert files_of(found.images, found.pairs.second) == ["Ann Lee/Ann Lee_0002.jpg", "Cy/Cy_0001.jpg"]
    with pytest.raises(UserError, match="no folder at"):
        read_evaluation_set(f"{tmp_path}/lists/pairs.csv@{tmp_path}/nowhere")


def test_columns_give_identities_folds_and_development_pairs(people: Path):
    lines = [
        "Same , path2,path1,person1,person2,fold,split,note",
        "yes,Bo/Bo_0001.jpg,Bo/Bo_0002.jpg,bo,bo,7,test,x",
        "-1,Bo/Bo_0001.jpg,Cy/Cy_0002.jpg,cy,bo,9,test,x",
        "different,Dee/Dee_0001.jpg,Fo/Fo_0002.jpg,fo,dee,9,development,x",
        "TRUE,Dee/Dee_0001.jpg,Dee/Dee_0002.jpg,dee,dee,7,development,x",
    ]
    (people / "pairs.csv").write_text("\n".join(lines))
    found = read_evaluation_set(str(people / "pairs.csv"))
    assert found.pairs.same.tolist() == [True, False]
    assert found.pairs.folds is not None
    assert found.pairs.folds.tolist() == [0, 1]
    assert found.development is not None
    assert found.development.same.tolist() == [False, True]
    assert found.development.name != found.pairs.name
    assert found.identities == {"bo", "cy", "dee", "fo"}
    assert found.pairs.first[0][0] == "bo"


def test_folders_that_contradict_the_pairs_are_not_identities(people: Path):
    (people / "pairs.csv").write_text(CSV.replace(",1\n", ",0\n"))
    found = read_evaluation_set(str(people / "pairs.csv"))
    assert found.identities == frozenset()
    assert found.pairs.same.tolist() == [False, False]
    assert any("contradict" in note for note in found.notes)
    assert any("does not name the identities" in note for note in found.notes)


def test_numbers_are_names_only_within_the_data_folder(tmp_path: Path):
    for name in ("001", "002"):
        for image in (1, 2):
            picture(tmp_path / "set" / name / f"{image}.jpg")
    (tmp_path / "set" / "pairs.csv").write_text("path1,path2,same\n001/1.jpg,001/2.jpg,1\n001/1.jpg,002/2.jpg,0\n")
    assert read_evaluation_set(f"{tmp_path}/set/pairs.csv").identities == frozenset()
    assert read_evaluation_set(f"{tmp_path}/set/pairs.csv", tmp_path / "set").identities == {"001", "002"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b,same\nx,y,1\n", "no column path1"),
        ("path1,path2,same\n", "no pair"),
        ("path1,path2,same\nx,y,maybe\n", "line 2.*1 or 0"),
        ("path1,path2,same\nx,x,1\n", "line 2.*two different paths"),
        ("path1,path2,same\nx,y\n", "line 2.*3 fields"),
        ("path1,path2,same\nx,y,1,2\n", "line 2.*3 fields"),
        ('path1,path2,same\n"x"y,z,1\n', "line 2: found invalid CSV"),
        ("path1,path2,same,fold\nx,y,1,one\n", "line 2.*integer from 0 as fold"),
        ("path1,path2,same,fold\nx,y,1,1\nx,z,0,1\n", "all pairs are in one fold"),
        ("path1,path2,same,split\nx,y,1,train\n", "line 2.*development or test"),
        ("path1,path2,same,split\nx,y,1,test\n", "has only test; expected both"),
        ("path1,path2,same,person1,person2\nx,y,1,A,B\n", "line 2.*one identity where same is 1"),
        ("path1,path2,same,person1,person2\nx,y,1,A,A\nx,z,0,B,C\n", "line 3.*one identity for x"),
        ("", "found an empty file"),
        (
            "left,right,label,match\nx,y,1,1\n",
            "line 1: found the columns 'label' and 'match', which could both be the same",
        ),
        ("path1,path1,path2,same\nx,x,y,1\n", "line 1: found the columns 'path1' and 'path1'"),
        ("name,imagenum1,imagenum2,\nBo,1,1,\n", "line 2.*two different images, each by identity and number"),
        ("name,imagenum1,imagenum2,\nBo,1,Cy,x\n", "line 2.*two different images"),
        ("name1,num1,name2,num2,same\nBo,1,Cy,1,1\n", "line 2.*one identity where same is 1"),
        ("name1,num1,name2,num2,same\nBo,1,Cy,1,maybe\n", "line 2.*one identity where same is 1"),
        ("num1,num2,same\n1,2,1\n", "no column person1"),
        ("path1,path2,same,fold\nx,y,1,1.5\n", "line 2.*integer from 0 as fold"),
    ],
)
def test_a_malformed_csv_is_reported_with_its_line(tmp_path: Path, text: str, words: str):
    (tmp_path / "pairs.csv").write_text(text)
    with pytest.raises(UserError, match=words):
        read_evaluation_set(str(tmp_path / "pairs.csv"))


PATHS = ("Bo/Bo_0001.jpg", "Bo/Bo_0002.jpg", "Cy/Cy_0001.jpg")


@pytest.mark.parametrize(
    ("header", "same", "different"),
    [
        ("image_a,image_b,label,fold", "{0},{1},1.0,1", "{0},{2},0.0,2"),
        ("Label;Left Path;Right Path", "True;{0};{1}", "False;{0};{2}"),
        ("img1\timg2\tis_same", "{0}\t{1}\tyes", "{0}\t{2}\tno"),
        ("first,second,match,identity1,identity2", "{0},{1},1,Bo,Bo", "{0},{2},0,Bo,Cy"),
        (",file 1,file 2,Verdict", "0,{0},{1},same", "1,{0},{2},different"),
        ("{0},{1},1", "", "{0},{2},0"),
        ("{0},{1},1,4", "", "{0},{2},0,5"),
    ],
    ids=["letters", "sides", "tabs", "identities", "an index of pandas", "no header", "no header, folds"],
)
@pytest.mark.parametrize("name", ["pairs.csv", "pairs.CSV"])
def test_other_titles_of_a_csv_are_recognised(people: Path, name: str, header: str, same: str, different: str):
    (people / name).write_text("\n".join(line.format(*PATHS) for line in (header, same, different) if line))
    found = read_evaluation_set(str(people / name))
    assert found.pairs.same.tolist() == [True, False]
    assert files_of(found.images, found.pairs.first + found.pairs.second) == [PATHS[0], PATHS[0], PATHS[1], PATHS[2]]
    assert (found.pairs.folds is None) == ("fold" not in header and not header.endswith(",4"))


@pytest.mark.parametrize(
    "text",
    [
        "name,imagenum1,imagenum2,\nBo,1,2,\nBo,1,Cy,1\n",
        "name,imagenum1,name,imagenum2\nBo,1,Bo,2\nBo,1,Cy,1\n",
        "person1;number1;person2;number2;same\nBo;1;Bo;2;1\nBo;1;Cy;1;0\n",
        "name,imagenum1,name,imagenum2,label\nBo,1,Bo,2,True\nBo,1,Cy,1,False\n",
    ],
)
def test_a_csv_may_name_images_by_identity_and_number(people: Path, tmp_path: Path, text: str):
    (people / "pairs.csv").write_text(text)
    (tmp_path / "pairs.csv").write_text(text)
    for found in (
        read_evaluation_set(f"{people}/pairs.csv"),
        read_evaluation_set(f"{tmp_path}/pairs.csv@{people}"),
        read_evaluation_set(f"{tmp_path}/pairs.csv", people),
    ):
        assert found.pairs.same.tolist() == [True, False]
        assert found.identities == {"Bo", "Cy"}
        assert files_of(found.images, found.pairs.second) == ["Bo/Bo_0002.jpg", "Cy/Cy_0001.jpg"]


def test_development_pairs_may_be_named_by_number(people: Path):
    lines = ["Bo,1,Bo,2,test,1", "Bo,1,Cy,1,test,2", "Dee,1,Dee,2,development,1", "Dee,1,Fo,1,development,2"]
    (people / "pairs.csv").write_text("name1,num1,name2,num2,split,fold\n" + "\n".join(lines))
    found = read_evaluation_set(f"{people}/pairs.csv")
    assert found.development is not None
    assert (found.pairs.same.tolist(), found.development.same.tolist()) == ([True, False], [True, False])
    assert found.development.identities() == {"Dee", "Fo"}


def test_columns_that_are_not_recognised_are_named_by_the_user(people: Path):
    (people / "pairs.csv").write_text(f"probe,gallery,gt,label\n{PATHS[0]},{PATHS[1]},1,x\n{PATHS[0]},{PATHS[2]},0,y\n")
    with pytest.raises(UserError, match=r"no column path1 \(found: probe, .*--config\.data\.pairs_columns=path1=TITLE"):
        read_evaluation_set(f"{people}/pairs.csv")
    config = CONFIG | dict(pairs_file=f"{people}/pairs.csv", pairs_columns="path1=Probe, path2=gallery,same=gt")
    found = read_evaluation_set(config["pairs_file"], columns=config["pairs_columns"])
    assert found.pairs.same.tolist() == [True, False]
    test, images, _ = evaluation_pairs(read_folder(people), config, people, seed=0)
    assert files_of(images, test.second) == list(PATHS[1:])


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ("path1", "found 'path1', expected meaning=title"),
        ("left=path1", "found 'left=path1', expected meaning=title once for each of path1, path2"),
        ("same=a,same=b", "found 'same=b', expected meaning=title once"),
        ("same=nothing", "found 0 columns 'nothing' for same in .*expected one of: path1, path2, same"),
    ],
)
def test_columns_that_cannot_be_are_refused(people: Path, columns: str, words: str):
    (people / "pairs.csv").write_text(CSV)
    with pytest.raises(UserError, match=r"--config\.data\.pairs_columns: " + words):
        read_evaluation_set(f"{people}/pairs.csv", columns=columns)
    (people / "pairs.txt").write_text("Bo 1 2\nBo 1 Cy 1\n")
    with pytest.raises(UserError, match=r"--config\.data\.pairs_columns names columns of a \.csv"):
        read_evaluation_set(f"{people}/pairs.txt", columns="same=x")


def test_a_missing_or_broken_image_is_an_error_and_no_pair_is_dropped(people: Path):
    (people / "pairs.csv").write_text(CSV)
    (people / "Cy" / "Cy_0001.jpg").write_bytes(b"<html>")
    with pytest.raises(UserError, match=r"Cy_0001\.jpg, which is not an image"):
        read_evaluation_set(str(people / "pairs.csv"))
    (people / "Cy" / "Cy_0001.jpg").unlink()
    with pytest.raises(UserError, match=r"1 of the 4 images it names are missing.*Cy/Cy_0001\.jpg"):
        read_evaluation_set(str(people / "pairs.csv"))


def flat_list(folder: Path, pairs: int, marks) -> str:
    """Write images and a list as in CALFW and CPLFW: two lines per pair, same pairs first, images in "aligned images"."""
    lines = []
    for pair in range(pairs):
        names = (f"Person_{pair}_0001.jpg", f"Person_{pair}_0002.jpg")
        lines += [f"{name} {marks(pair)}" for name in names]
    for pair in range(pairs):
        names = (f"Person_{pair}_0001.jpg", f"Person_{(pair + 1) % pairs}_0003.jpg")
        lines += [f"{name} 0" for name in names]
    for pair in range(pairs):
        for image in (1, 2, 3):
            picture(folder / "aligned images" / f"Person_{pair}_{image:04d}.jpg", pair)
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("blank", [" ", "\t"], ids=["blanks", "tabs"])
@pytest.mark.parametrize("marks", [lambda pair: pair // 2 + 1, lambda _: 1], ids=["CALFW", "CPLFW"])
def test_two_lines_per_pair_are_read_with_a_tenth_of_each_kind_per_fold(tmp_path: Path, marks, blank: str):
    (tmp_path / "pairs_CALFW.txt").write_text(flat_list(tmp_path, 20, marks).replace(" ", blank))
    found = read_evaluation_set(f"{tmp_path}/pairs_CALFW.txt")
    assert found.pairs.same.tolist() == [True] * 20 + [False] * 20
    assert found.pairs.folds is not None
    assert found.pairs.folds.tolist() == [pair // 2 for pair in range(20)] * 2
    assert found.identities == {f"Person_{pair}" for pair in range(20)}
    assert files_of(found.images, found.pairs.second[20:21]) == ["aligned images/Person_1_0003.jpg"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a_1.jpg 1\nb_1.jpg 0\n", "line 2.*the number 1"),
        ("a_1.jpg 1\na_2.jpg 1\na_3.jpg 1\n", "line 3.*each pair has two lines"),
        ("a_1.jpg 1\na_2.jpg x\n", "line 2.*`file number`"),
        ("a.jpg b.jpg 2\n", "line 1.*verdict"),
        ("a.jpg a.jpg 1\n", "line 1.*verdict"),
        ("a\n", "line 1.*verdict"),
    ],
)
def test_a_malformed_list_is_reported_with_its_line(tmp_path: Path, text: str, words: str):
    (tmp_path / "list.txt").write_text(text)
    with pytest.raises(UserError, match=words):
        read_evaluation_set(f"{tmp_path}/list.txt")


def test_lines_of_path_path_verdict_have_ten_consecutive_folds(tmp_path: Path):
    lines = []
    for pair in range(23):
        picture(tmp_path / f"{pair} a.jpg", pair)
        picture(tmp_path / f"{pair} b.jpg", pair)
        lines.append(f"{pair} a.jpg\t{pair} b.jpg\t{1 if pair % 2 else -1}")
    (tmp_path / "agedb_30_pair.txt").write_text("\n".join(lines))
    found = read_evaluation_set(f"{tmp_path}/agedb_30_pair.txt")
    assert found.pairs.same.tolist() == [bool(pair % 2) for pair in range(23)]
    assert found.pairs.folds is not None
    # 23 = 3 · 3 + 7 · 2, the larger ones first, as in scikit-learn's KFold without shuffling.
    assert np.bincount(found.pairs.folds).tolist() == [3, 3, 3] + [2] * 7
    assert found.identities == frozenset()


@pytest.mark.parametrize(
    "text",
    [
        "a x.jpg\tb.jpg\t1.0\nb.jpg\tc.jpg\t0.0\n",
        "d\\a.jpg b.jpg True\nb.jpg c.jpg False\n",
        "a.jpg,b.jpg,same\nb.jpg,c.jpg,different\n",
        "a.jpg, b x.jpg, 1\nb.jpg, c.jpg, -1\n",
        "my a.jpg\t1\nmy b.jpg\t1\na.jpg\t0\nb.jpg\t0\n",
    ],
    ids=["tabs", "backslash", "commas", "commas and blanks", "two lines with tabs"],
)
def test_lists_of_paths_are_read_as_they_are_found(tmp_path: Path, text: str):
    for number, name in enumerate(("a x.jpg", "a.jpg", "b.jpg", "b x.jpg", "c.jpg", "d/a.jpg", "my a.jpg", "my b.jpg")):
        picture(tmp_path / name, number)
    (tmp_path / "list.txt").write_text(text)
    found = read_evaluation_set(f"{tmp_path}/list.txt")
    assert found.pairs.same.tolist() == [True, False]
    assert all(Path(str(image)).is_file() for image in found.images.images)


@pytest.fixture
def cfp(tmp_path: Path) -> Path:
    root = tmp_path / "cfp-dataset"
    protocol = root / "Protocol"
    protocol.mkdir(parents=True)
    for kind, letter in (("frontal", "F"), ("profile", "P")):
        lines = []
        for number in range(1, 7):
            person, image = (number + 1) // 2, 2 - number % 2
            path = f"Data/Images/{person:03d}/{kind}/{image:02d}.jpg"
            picture(root / path, number)
            lines.append(f"{number} ../{path}")
        (protocol / f"Pair_list_{letter}.txt").write_text("\n".join(lines))
    for view in ("FF", "FP"):
        for fold in (1, 2):
            part = protocol / "Split" / view / f"{fold:02d}"
            part.mkdir(parents=True)
            (part / "same.txt").write_text("1,2\n" if fold == 1 else "3,4\n")
            (part / "diff.txt").write_text("1,3\n5,2\n" if fold == 1 else "6,1\n")
    return root


@pytest.mark.parametrize(("view", "second"), [("FF", "frontal"), ("FP", "profile")])
def test_cfp_takes_the_second_image_of_a_pair_from_the_list_of_its_protocol(cfp: Path, view: str, second: str):
    found = read_evaluation_set(f"{cfp}/Protocol/Split/{view}")
    assert (found.name, found.identities) == (f"CFP-{view}", frozenset())
    assert found.pairs.same.tolist() == [True, False, False, True, False]
    assert found.pairs.folds is not None
    assert found.pairs.folds.tolist() == [0, 0, 0, 1, 1]
    paths = [[str(found.images.images[index])[-19:] for index in found.images.indices(side)] for side in
             (found.pairs.first, found.pairs.second)]  # fmt: skip
    assert paths[0] == [f"/{person}/frontal/{image}.jpg" for person, image in
                        [("001", "01"), ("001", "01"), ("003", "01"), ("002", "01"), ("003", "02")]]  # fmt: skip
    assert paths[1] == [f"/{person}/{second}/{image}.jpg" for person, image in
                        [("001", "02"), ("002", "01"), ("001", "02"), ("002", "02"), ("001", "01")]]  # fmt: skip


def test_cfp_with_an_unknown_number_or_another_folder_is_an_error(cfp: Path):
    (cfp / "Protocol/Split/FP/02/diff.txt").write_text("6,77\n")
    with pytest.raises(UserError, match=r"diff\.txt, line 1: found '6,77'"):
        read_evaluation_set(f"{cfp}/Protocol/Split/FP")
    with pytest.raises(UserError, match="not a protocol of CFP"):
        read_evaluation_set(f"{cfp}/Protocol")


def test_an_lfw_list_names_images_in_its_own_folder_or_the_one_after_the_at_sign(people: Path, tmp_path: Path):
    text = "1\nBo\t1\t2\nCy\t1\tDee\t2\n"
    (people / "pairs.txt").write_text(text)
    (tmp_path / "pairs.txt").write_text(text)
    for found in (
        read_evaluation_set(f"{people}/pairs.txt"),
        read_evaluation_set(f"{tmp_path}/pairs.txt@{people}"),
    ):
        assert found.identities == {"Bo", "Cy", "Dee"}
        assert files_of(found.images, found.pairs.second) == ["Bo/Bo_0002.jpg", "Dee/Dee_0002.jpg"]
    (people / "pairs.txt").write_text(text.replace("Dee\t2", "Dee\t9"))
    with pytest.raises(UserError, match="missing from the data"):
        read_evaluation_set(f"{people}/pairs.txt")


def test_a_bin_has_ten_consecutive_folds_and_unknown_identities(people: Path, tmp_path: Path):
    images = read_folder(people)
    same = np.arange(12) % 3 == 0
    names = images.names
    first = tuple((names[i % 6], 1) for i in range(12))
    second = tuple((names[i % 6] if is_same else names[(i + 1) % 6], 2) for i, is_same in enumerate(same))
    write_verification_bin(tmp_path / "cfp_fp.bin", images, PairList(first, second, same, "pairs"))
    found = read_evaluation_set(f"{tmp_path}/cfp_fp.bin")
    assert found.pairs.same.tolist() == same.tolist()
    assert found.pairs.folds is not None
    assert found.pairs.folds.tolist() == [0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert (found.name, found.identities) == ("cfp_fp", frozenset())
    assert not found.pairs.named
    assert not found.with_folds().where(same, "same").named
    assert any("does not name the identities" in note for note in found.notes)
    index = found.images.indices(found.pairs.second[1:2])[0]
    assert found.images.images[index] == images.images[images.indices([second[1]])[0]].read_bytes()


def test_several_sets_are_given_with_commas_or_as_a_tuple_and_distinguished_by_folder(people: Path, tmp_path: Path):
    other = tmp_path / "other"
    shutil.copytree(people, other)
    for folder in (people, other):
        (folder / "pairs.csv").write_text(CSV)
    one, two = f"{people}/pairs.csv", f"{other}/pairs.csv"
    for texts in ((one, two), (f"{one}, {two}",)):
        assert [item.name for item in read_evaluation_sets(texts)] == ["pairs", "other/pairs"]
    assert read_evaluation_sets(("",)) == ()
    with pytest.raises(UserError, match="two sets are called mine/pairs"):
        read_evaluation_sets((one, one, one))
    with pytest.raises(UserError, match=r"config\.evaluation\.sets: .*found nothing there"):
        read_evaluation_sets(("nowhere.bin",))


def test_a_set_without_folds_gets_tenths_of_each_kind(people: Path):
    pairs = [f"Bo/Bo_0001.jpg,Bo/Bo_0002.jpg,1\nBo/Bo_000{1 + i % 2}.jpg,Cy/Cy_0001.jpg,0\n" for i in range(20)]
    (people / "pairs.csv").write_text("path1,path2,same\n" + "".join(pairs))
    listed = read_evaluation_set(f"{people}/pairs.csv").with_folds()
    assert listed.folds is not None
    for kind in (listed.same, ~listed.same):
        assert listed.folds[kind].tolist() == [pair // 2 for pair in range(20)]


CONFIG = dict(protocol="pairs", fold=0, lists_dir="", validation_people=0.4, test_people=0.3, pairs=4)


def test_identities_of_a_users_pairs_are_excluded_and_the_threshold_is_chosen_on_validation_pairs(people: Path):
    (people / "pairs.csv").write_text(CSV)
    for number in range(12):
        for image in (1, 2):
            picture(people / f"Other {number}" / f"{image}.jpg", 200 + number)  # equal to no image of the pairs
    images = read_folder(people)
    parts = split(images, CONFIG | dict(pairs_file=str(people / "pairs.csv")), people, seed=0)
    assert not {"Ann Lee", "Bo", "Cy"} & {*parts.training.names, *parts.validation.identities()}
    assert len(parts.training.names) + len(parts.validation.identities()) <= 15
    assert parts.development is parts.validation
    assert not parts.by_folds
    assert len(parts.images_of(parts.test)) == 4
    assert parts.images_of(parts.validation) is images
    assert any("3 identities named in pairs were excluded from training" in note for note in parts.notes)


def test_the_protocol_pairs_needs_a_file(people: Path):
    for text in ("", "nowhere.csv"):
        with pytest.raises(UserError, match=r"--config\.data\.pairs_file"):
            split(read_folder(people), CONFIG | dict(pairs_file=text), people, seed=0)


def test_numbers_are_names_within_the_training_folder_in_any_spelling_or_in_columns_of_the_csv(tmp_path: Path):
    for name in ("001", "002"):
        for image in (1, 2):
            picture(tmp_path / "set" / name / f"{image}.jpg")
    pairs = "path1,path2,same\n001/1.jpg,001/2.jpg,1\n001/1.jpg,002/2.jpg,0\n"
    (tmp_path / "pairs.csv").write_text(pairs)
    text = f"{tmp_path}/pairs.csv@{tmp_path}/set"
    assert read_evaluation_sets((text,))[0].identities == frozenset()
    (found,) = read_evaluation_sets((text,), tmp_path / "set" / ".." / "set")
    assert found.identities == {"001", "002"}
    assert found.notes == ()
    named = "path1,path2,same,person1,person2\n001/1.jpg,001/2.jpg,1,7,7\n001/1.jpg,002/2.jpg,0,7,8\n"
    (tmp_path / "pairs.csv").write_text(named)
    assert read_evaluation_sets((text,))[0].identities == {"7", "8"}
