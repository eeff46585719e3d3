"""One fold of View 2 from training to the result over all folds: exclusions, near duplicates, refusals."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from lfw_jax.data.decoding.crop import CropGeometry
from lfw_jax.data.decoding.decoder import decode
from lfw_jax.data.formats.folder import read_folder
from lfw_jax.data.formats.verification_bin import write_verification_bin
from lfw_jax.data.protocols.lfw_lists import generate_pairs
from lfw_jax.errors import UserError
from lfw_jax.jobs import run_data
from lfw_jax.jobs.combine import combine
from lfw_jax.jobs.dispatch import Request
from lfw_jax.jobs.experiment import build_experiment
from lfw_jax.jobs.train_and_evaluate import run
from lfw_jax.jobs.workdir import Workdir
from tests.jobs.view2_faces import FOLDS, tiny, write_view2_faces


def write_set(folder: Path, faces: Path, people: list[str], spelt: list[str]) -> str:
    """A set of pairs of some people, under other names."""
    lines = ["path1,path2,same"]
    for name, other in zip(people, spelt, strict=True):
        shutil.copytree(faces / name, folder / other)
    images = [sorted(path.name for path in (folder / other).iterdir()) for other in spelt]
    for i in range(20):
        one, two = i % len(spelt), (i + 1) % len(spelt)
        lines.append(f"{spelt[one]}/{images[one][i % 4]},{spelt[one]}/{images[one][(i + 1) % 4]},1")
        lines.append(f"{spelt[one]}/{images[one][i % 4]},{spelt[two]}/{images[two][i % 4]},0")
    (folder / f"{folder.name}.csv").write_text("\n".join(lines))
    return f"{folder}/{folder.name}.csv"


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_view2_faces(tmp_path_factory.mktemp("drawn") / "faces")


@pytest.fixture(scope="module")
def shared(faces: Path) -> tuple[str, str]:
    """A person who trains and has a copy of a judged image, and that image."""
    config = tiny(faces, **{"data.near_duplicates": "ignore"})
    parts = build_experiment(config, Path("none")).split
    name, number = parts.test.keys()[0]
    person = parts.training.names[-1]
    shutil.copy(faces / name / f"{name}_{number:04d}.jpg", faces / person / f"{person}_0009.jpg")
    return person, f"{name}_{number:04d}.jpg"


@pytest.fixture(scope="module")
def finished(faces: Path, shared: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    assert (faces / shared[0]).is_dir()
    folder = tmp_path_factory.mktemp("runs")
    people = read_folder(faces).names[4:11:3]  # of the second fold, which trains
    text = write_set(folder / "party", faces, list(people), [name.upper().replace("_", " ") for name in people])
    config = tiny(faces, **{"evaluation.sets": (text,)})
    run(config, str(folder / "fold1"), name="tiny", train=True, command="python launch.py")
    return folder / "fold1"


def metrics(workdir: Path) -> dict:
    return json.loads((workdir / "metrics.json").read_text())


def test_a_fold_is_judged_by_the_other_folds_and_says_who_was_excluded(finished: Path, faces: Path):
    found = metrics(finished)
    assert found["protocol"] == {"name": "view2", "fold": 1, "folds": FOLDS}
    (scores,) = found["evaluation"].values()
    assert (scores["list"], scores["pairs"]) == ("pairs fold 1", 40)
    assert {t["chosen_on"] for t in scores["thresholds"]} == {"the 2 other folds of pairs"}
    excluded = json.loads((finished / "excluded_identities.json").read_text())
    assert excluded == {"party": [name.upper().replace("_", " ") for name in read_folder(faces).names[4:11:3]]}
    assert any(
        "3 identities named in party were excluded from training, 3 of them spelt" in note for note in found["notes"]
    )
    assert found["leaking"] == {}


@pytest.mark.parametrize("name", ["excluded_identities.json", "kept_out.json"])
def test_a_run_that_ended_before_it_wrote_its_configuration_can_begin_again(faces: Path, tmp_path: Path, name: str):
    (tmp_path / name).write_text("{}")
    assert not Workdir(tmp_path, tiny(faces)).begun


def test_an_evaluation_set_is_judged_by_folds_and_reported_beside_the_test(finished: Path):
    scores = metrics(finished)["sets"]["party"]
    assert scores["pairs"] == 40
    assert len(scores["folds"]["accuracies"]) == 10
    assert set(scores["insightface"]) == {"mean", "population_std"}
    page = (finished / "report.html").read_text()
    assert "Evaluation sets" in page
    assert "Error rates of the listed pairs" in page
    assert "party" in page


def test_a_training_image_that_is_a_judged_picture_is_listed_and_left_out(finished: Path, faces: Path, shared):
    person, image = shared
    lines = (finished / "near_duplicates.csv").read_text().splitlines()
    assert any(f"{person}_0009.jpg" in line and image in line for line in lines[1:])
    notes = metrics(finished)["notes"]
    assert any("near duplicate of a test image and excluded" in note for note in notes)
    again = build_experiment(tiny(faces), finished).split
    assert person in again.training.names
    assert 9 not in again.training.numbers_by_identity()[person]


def test_later_sets_change_nobody_who_trained_and_are_stamped_as_leaking(finished: Path, faces: Path, tmp_path: Path):
    workdir = shutil.copytree(finished, tmp_path / "fold1")
    trained = build_experiment(tiny(faces), workdir).split.training.names
    text = write_set(tmp_path / "friends", faces, list(trained[:2]), [name.lower() for name in trained[:2]])
    config = tiny(faces, **{"evaluation.sets": (text,)})
    run(config, str(workdir), name="tiny", train=False, command="python launch.py --mode=evaluate")
    found = metrics(workdir)
    assert found["evaluation"] == metrics(finished)["evaluation"]
    assert list(found["sets"]) == ["friends"]
    assert found["leaking"] == {"friends": 2}
    assert any("2 identities of friends are used for training or validation" in note for note in found["notes"])
    assert (
        "2 identities of friends are in the training set, so its metrics are too optimistic"
        in (workdir / "report.html").read_text()
    )


def test_fold_0_judges_all_folds_with_one_model(faces: Path, tmp_path: Path):
    some = shutil.copytree(faces, tmp_path / "faces")
    header, *lines = (some / "pairs.txt").read_text().splitlines()
    assert header == "3\t20"
    (some / "pairs.txt").write_text("\n".join(["2\t10", *lines[:10], *lines[20:30], *lines[10:20], *lines[30:40]]))
    config = tiny(some, **{"data.fold": 0, "data.near_duplicates": "list"})
    run(config, str(tmp_path / "run"), name="tiny", train=True, command="python launch.py")
    found = metrics(tmp_path / "run")
    assert found["protocol"] == {"name": "view2", "fold": 0, "folds": 2}
    (scores,) = found["evaluation"].values()
    assert (scores["list"], scores["pairs"], len(scores["folds"]["accuracies"])) == ("pairs", 40, 2)
    assert any("of an evaluated image" in note or "of evaluated images" in note for note in found["notes"])
    assert (tmp_path / "run" / "near_duplicates.csv").is_file()
    assert "the other folds of pairs, for each fold" in (tmp_path / "run" / "report.html").read_text()


@pytest.fixture
def folds(finished: Path, tmp_path: Path) -> Path:
    """Three finished folds, made of one: their accuracies are 0.8, 0.7 and 0.9."""
    for fold, accuracy in ((1, 0.8), (2, 0.7), (3, 0.9)):
        folder = tmp_path / f"fold{fold}"
        folder.mkdir()
        found, config = metrics(finished), json.loads((finished / "config.json").read_text())
        found["protocol"]["fold"] = config["data"]["fold"] = fold
        for threshold in found["evaluation"]["pairs fold 1"]["thresholds"]:
            threshold["accuracy"] = accuracy
        found["evaluation"]["pairs fold 1"]["held_out_threshold"]["accuracy"] = accuracy - 0.1
        (folder / "metrics.json").write_text(json.dumps(found))
        (folder / "config.json").write_text(json.dumps(config))
    return tmp_path


def request(folder: Path, pattern: str = "fold*") -> Request:
    text = ",".join(f"{folder}/{part}" for part in pattern.split(","))
    return Request(
        "combine", tiny(folder), "tiny", input=text, output=str(folder / "view2"), command="python launch.py"
    )


@pytest.mark.parametrize("pattern", ["fold*", "fold3,fold1,fold2"])
def test_folds_are_put_together_with_standard_error_and_population_std(folds: Path, capsys, pattern: str):
    combine(request(folds, pattern))
    found = json.loads((folds / "view2" / "view2.json").read_text())
    assert found["accuracy"]["accuracies"] == [0.8, 0.7, 0.9]
    assert found["accuracy"]["mean"] == pytest.approx(0.8)
    assert found["accuracy"]["standard_error"] == pytest.approx(0.1 / 3**0.5)
    assert found["accuracy"]["population_std"] == pytest.approx(0.1 * (2 / 3) ** 0.5)
    assert found["accuracy_at_held_out_threshold"]["mean"] == pytest.approx(0.7)
    said = capsys.readouterr().out
    assert "80.00 ± 5.77 % (standard error)" in said
    assert "held out of each training: 70.00 ± 5.77 %" in " ".join(said.split())
    page = (folds / "view2" / "view2.html").read_text().replace("\N{NO-BREAK SPACE}", " ")
    assert "80.00 ± 5.77 %" in page
    assert "it is 70.00 ± 5.77 %" in page


def test_what_is_no_whole_set_of_folds_is_refused_and_nothing_written(folds: Path):
    def refused(words: str, pattern: str = "fold*") -> None:
        with pytest.raises(UserError, match=words):
            combine(request(folds, pattern))
        assert not (folds / "view2").exists()

    refused("no run of fold 2", "fold1,fold3")
    refused("found no folder", "run*")
    shutil.copytree(folds / "fold2", folds / "fold2again")
    refused("are both fold 2")
    shutil.rmtree(folds / "fold2again")
    config = json.loads((folds / "fold3" / "config.json").read_text())
    config["loss"]["margin"] = 0.9
    (folds / "fold3" / "config.json").write_text(json.dumps(config))
    refused(r"differ in config\.loss\.margin")
    (folds / "fold3" / "metrics.json").unlink()
    refused(r"found no metrics\.json.*finished run")
    (folds / "fold3" / "metrics.json").write_text('{"protocol": {"name": "view1"}}')
    refused("Evaluate that run again")


def test_input_and_output_are_asked_for(folds: Path):
    with pytest.raises(UserError, match="needs --input"):
        combine(Request("combine", tiny(folds), "tiny", output=str(folds)))


def test_with_alignment_sets_are_aligned_as_the_source_is_and_a_bin_is_taken_whole(
    faces: Path, tmp_path: Path, monkeypatch
):
    aligned = []

    def align(images, _, **__):
        aligned.append(len(images))
        return images, 0.5, "aligned"

    monkeypatch.setattr(run_data, "aligned_images", align)
    images = read_folder(faces)
    numbers = images.numbers_by_identity()
    pairs = generate_pairs({name: numbers[name] for name in images.names[:4]}, pairs=10, seed=0)
    write_verification_bin(tmp_path / "other.bin", images, pairs)
    text = write_set(tmp_path / "party", faces, list(images.names[4:6]), ["one", "two"])
    config = tiny(
        faces,
        **{
            "data.align": True, "data.margin": 2, "data.near_duplicates": "ignore",
            "evaluation.sets": (text, str(tmp_path / "other.bin")),
        },
    )  # fmt: skip
    built = build_experiment(config, tmp_path / "none")
    assert aligned == [len(images), 8]
    party, other = built.evaluation_plan.sets
    assert built.pixels(party.pairs, of=party).shape[1:] == (20, 20, 3)
    whole = built.pixels(other.pairs, of=other)
    assert whole.shape[1:] == (20, 20, 3)
    np.testing.assert_array_equal(whole[:, 0], whole[:, 2])  # beyond its edge the edge again
    first = images.images[images.indices([pairs.first[0]])[0]]
    np.testing.assert_allclose(whole[0, 2:-2, 2:-2], decode(first, CropGeometry(16)), atol=1)
