"""A fused system is evaluated on evaluation sets and identification protocols like a single system."""

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ml_collections import ConfigDict

from lfw_jax.data.formats.folder import read_folder
from lfw_jax.data.formats.verification_bin import write_verification_bin
from lfw_jax.data.protocols.evaluated_lists import EvaluatedList
from lfw_jax.data.protocols.identification_sets import IdentificationSet
from lfw_jax.data.protocols.lfw_lists import generate_pairs
from lfw_jax.data.synthetic import write_folder
from lfw_jax.errors import UserError
from lfw_jax.evaluation.finished_runs import read_finished_run
from lfw_jax.evaluation.scores import read_scores
from lfw_jax.inference.run_embedder import SingleEmbedder
from lfw_jax.jobs.fusion_file import read_fusion
from lfw_jax.jobs.member_configs import member_configs
from tests.data.identification.protocol_files import write
from tests.jobs.tiny_members import cosines, decided, fused, one_run

MEMBERS = ("texture", "network")


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("synthetic") / "faces"
    return write_folder(folder, people=24, images_per_person=4, side=40, seed=0)


def renamed_faces(folder: Path, seed: int) -> Path:
    """Write other synthetic faces, whose identities are called Twin 1, Twin 2, … whatever the seed."""
    drawn = write_folder(folder / "drawn", people=10, images_per_person=4, side=40, seed=seed)
    for index, person in enumerate(sorted(path for path in drawn.iterdir() if path.is_dir()), 1):
        for number, file in enumerate(sorted(person.iterdir()), 1):
            target = folder / "images" / f"Twin {index}" / f"Twin {index}_{number:04}.jpg"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)
    return folder / "images"


@pytest.fixture(scope="module")
def sets(faces: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Two lists of the same pairs of names and numbers of different images, a .bin file, and a protocol of other images again.

    The .bin file has images of three identities of the data, and so has the protocol of three others.
    """
    folder, found = tmp_path_factory.mktemp("sets"), {}
    for name, seed in (("one", 11), ("other", 12)):
        images = read_folder(renamed_faces(folder / name, seed))
        pairs = generate_pairs(dict.fromkeys(images.names, 4), pairs=20, seed=0)
        both = zip(pairs.first, pairs.second, pairs.same.tolist(), strict=True)
        lines = [
            ",".join([*(f"{who}/{who}_{number:04}.jpg" for who, number in (first, second)), str(int(same))])
            for first, second, same in both
        ]
        write(folder / name / f"{name}.csv", ["path1,path2,same", *lines])
        found[name] = f"{folder / name / name}.csv@{folder / name / 'images'}"
    images = read_folder(faces)
    pairs = generate_pairs(dict.fromkeys(images.names[:3], 4), pairs=12, seed=0)
    write_verification_bin(folder / "packed.bin", images, pairs)
    found["packed"] = str(folder / "packed.bin")
    people = [faces / name for name in images.names[4:7]]
    files = [sorted(f"{person.name}/{file.name}" for file in person.iterdir()) for person in people]
    rows = [f"g{index},{person.name},{of[0]}" for index, (person, of) in enumerate(zip(people, files, strict=True))]
    rows += [
        f"p{index},{person.name},{file}"
        for index, (person, of) in enumerate(zip(people, files, strict=True))
        for file in of[1:3]
    ]
    write(folder / "search" / "templates.csv", ["template_id,subject_id,file", *rows])
    write(folder / "search" / "gallery.csv", [f"g{index}" for index in range(3)])
    write(folder / "search" / "probes.csv", [f"p{index}" for index in range(3)])
    parts = ["templates,templates.csv", "gallery,gallery.csv", "probes,probes.csv", f"images,{faces}"]
    found["search"] = str(write(folder / "search" / "search.csv", parts))
    return found


def with_sets(faces: Path, sets: dict[str, str], *names: str, **changes: Any) -> ConfigDict:
    chosen = tuple(sets[name] for name in names if name != "search")
    protocols = (sets["search"],) if "search" in names else ()
    return fused(faces, **{"evaluation.sets": chosen, "evaluation.identification": protocols, **changes})


Embedded = Counter[tuple[str, str]]
"""How many times a representation embedded a list or a protocol."""


def counting(monkeypatch: pytest.MonkeyPatch) -> Embedded:
    embed_list, embed_protocol, found = SingleEmbedder.embed_list, SingleEmbedder.embed_protocol, Counter()

    def of_list(self: SingleEmbedder, listed: EvaluatedList) -> np.ndarray:
        found[type(self.representation).__name__, listed.role] += 1
        return embed_list(self, listed)

    def of_protocol(self: SingleEmbedder, item: IdentificationSet) -> np.ndarray:
        found[type(self.representation).__name__, item.name] += 1
        return embed_protocol(self, item)

    monkeypatch.setattr(SingleEmbedder, "embed_list", of_list)
    monkeypatch.setattr(SingleEmbedder, "embed_protocol", of_protocol)
    return found


@pytest.fixture(scope="module")
def trained(faces: Path, sets: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Embedded]:
    workdir = tmp_path_factory.mktemp("runs") / "fused"
    with pytest.MonkeyPatch.context() as patch:
        found = counting(patch)
        one_run(with_sets(faces, sets, *sets), workdir)
    return workdir, found


def test_every_member_embeds_every_list_and_protocol_once(trained: tuple[Path, Embedded]):
    roles = ("test", "development", "sets/one", "sets/other", "sets/packed", "search")
    kinds = ("DescriptorEmbedder", "Embedder")
    assert trained[1] == Counter({(kind, role): 1 for kind in kinds for role in roles})


def test_the_fused_score_on_a_set_is_that_of_the_members_on_their_own(
    trained: tuple[Path, Embedded], faces: Path, sets: dict[str, str], tmp_path: Path
):
    workdir = trained[0]
    weights, whole = read_fusion(workdir / "fusion.json").weights, read_scores(workdir / "scores.npz")
    config, parts = with_sets(faces, sets, *sets), {}
    for name in MEMBERS:
        alone = shutil.copytree(workdir / "members" / name, tmp_path / name)
        one_run(member_configs(config)[name], alone, train=False)
        parts[name] = read_scores(alone / "scores.npz")
    for role in ("sets/one", "sets/other", "sets/packed"):
        expected = sum(weights[name] * cosines(parts[name][role]) for name in MEMBERS)
        np.testing.assert_allclose(cosines(whole[role]), expected, atol=1e-6)
    one, other = whole["sets/one"], whole["sets/other"]
    assert one.identities is not None
    assert other.identities is not None
    assert one.identities.tolist() == other.identities.tolist()
    assert not np.isclose(one.distances, other.distances, atol=1e-3).any()


def test_all_results_are_reported_for_the_whole_and_none_of_the_sets_for_a_member(trained: tuple[Path, Embedded]):
    workdir = trained[0]
    metrics, page = read_finished_run(workdir).metrics, (workdir / "report.html").read_text()
    assert metrics.sets.keys() == {"one", "other", "packed"}
    assert metrics.identification_sets.keys() == {"search"}
    assert metrics.identification_sets["search"].closed_set is not None
    assert metrics.identification is not None
    assert metrics.all_pairs is not None
    assert not metrics.failed_sets
    assert not metrics.leaking
    for words in ("Evaluation sets", "other", "packed", "search", "Members and fusion"):
        assert words in page
    for name in MEMBERS:
        of_member = read_finished_run(workdir / "members" / name).metrics
        assert not of_member.sets
        assert not of_member.identification_sets


def test_files_are_verified_by_a_run_with_sets(trained: tuple[Path, Embedded], faces: Path):
    pairs = read_scores(trained[0] / "scores.npz")["test"]
    assert decided(trained[0], faces, pairs) == pytest.approx(pairs.distances[0], abs=1e-5)


def test_no_member_trains_on_an_identity_of_a_set(trained: tuple[Path, Embedded]):
    excluded = {
        folder: json.loads((folder / "excluded_identities.json").read_text())
        for folder in (trained[0], *(trained[0] / "members" / name for name in MEMBERS))
    }
    whole = excluded[trained[0]]
    assert {name: len(names) for name, names in whole.items()} == {"one": 0, "other": 0, "packed": 3, "search": 3}
    assert list(excluded.values()) == [whole] * 3


def test_sets_can_be_added_to_a_finished_run(faces: Path, sets: dict[str, str], tmp_path: Path):
    workdir = tmp_path / "run"
    one_run(with_sets(faces, sets, "one"), workdir)
    before = read_scores(workdir / "scores.npz")
    for train in (False, True):
        one_run(with_sets(faces, sets, "other", "packed", "one"), workdir, train=train)
        metrics = read_finished_run(workdir).metrics
        assert metrics.sets.keys() == {"other", "packed", "one"}
        assert 0 < metrics.leaking["packed"] <= 3
        np.testing.assert_allclose(
            read_scores(workdir / "scores.npz")["sets/one"].distances, before["sets/one"].distances, atol=1e-6
        )


def test_a_set_that_fails_for_a_member_costs_no_other_result(
    trained: tuple[Path, Embedded], faces: Path, sets: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    workdir, embed_list = shutil.copytree(trained[0], tmp_path / "run"), SingleEmbedder.embed_list

    def fail(self: SingleEmbedder, listed: EvaluatedList) -> np.ndarray:
        if listed.role == "sets/other" and type(self.representation).__name__ == "DescriptorEmbedder":
            raise UserError("image 3 cannot be decoded.")
        return embed_list(self, listed)

    monkeypatch.setattr(SingleEmbedder, "embed_list", fail)
    with pytest.raises(
        UserError, match=r"other could not be evaluated: member texture: image 3 cannot be decoded\. All other"
    ):
        one_run(with_sets(faces, sets, *sets), workdir)
    metrics = read_finished_run(workdir).metrics
    assert metrics.sets.keys() == {"one", "packed"}
    assert metrics.failed_sets == {"other": "member texture: image 3 cannot be decoded."}


def test_a_member_that_was_trained_with_other_exclusions_is_refused(
    trained: tuple[Path, Embedded], faces: Path, sets: dict[str, str], tmp_path: Path
):
    shutil.copytree(trained[0] / "members" / "texture", tmp_path / "run" / "members" / "texture")
    with pytest.raises(
        UserError, match=r"texture/excluded_identities.json: found 6 identities .* expected the 0 of the whole"
    ):
        one_run(with_sets(faces, sets, "one"), tmp_path / "run")
    assert not (tmp_path / "run" / "members" / "network" / "checkpoints").exists()


def test_a_member_that_begins_after_other_sets_were_given_excludes_what_the_whole_excludes(
    faces: Path, sets: dict[str, str], tmp_path: Path
):
    paused = with_sets(faces, sets, **{"training.max_minutes": 1e-9, "members.network.training.epochs": 3.0})
    assert one_run(paused, tmp_path / "run")["paused"]
    shutil.rmtree(tmp_path / "run" / "members" / "texture", ignore_errors=True)
    one_run(with_sets(faces, sets, "packed", **{"members.network.training.epochs": 3.0}), tmp_path / "run")
    for folder in (tmp_path / "run", *(tmp_path / "run" / "members" / name for name in MEMBERS)):
        assert json.loads((folder / "excluded_identities.json").read_text()) == {}
    assert read_finished_run(tmp_path / "run").metrics.leaking["packed"] > 0
