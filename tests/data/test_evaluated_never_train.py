"""No evaluated file trains or validates, however a list reaches it and whatever it calls its identity."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lfw_jax.data.formats.csv_list import read_csv
from lfw_jax.data.formats.folder import read_folder
from lfw_jax.data.images import ImageSet
from lfw_jax.data.protocols.evaluation_sets import read_evaluation_set
from lfw_jax.data.protocols.partition import EvaluationPlan, partition
from lfw_jax.data.protocols.splits import Split
from lfw_jax.data.records.reading import read_records
from lfw_jax.data.records.writing import write_records
from lfw_jax.errors import UserError

PEOPLE, IMAGES, EVALUATED = 16, 3, 6
DATA = dict(protocol="generated", validation_people=0.2, test_people=0.2, pairs=10, near_duplicates="ignore", fold=0)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noise images of numbered identities in data/, and their labels, which are other names, in labels.csv."""
    root = tmp_path_factory.mktemp("set")
    rng, lines = np.random.default_rng(0), ["path,label"]
    for person in range(PEOPLE):
        (root / "data" / f"{person:03d}").mkdir(parents=True)
        for image in range(1, IMAGES + 1):
            pixels = rng.integers(0, 256, (16, 16, 3), np.uint8)
            Image.fromarray(pixels).save(root / "data" / f"{person:03d}" / f"{image}.jpg")
            lines.append(f"data/{person:03d}/{image}.jpg,Name {person}")
    (root / "labels.csv").write_text("\n".join(lines))
    (root / "link").symlink_to(root / "data")
    return root


def pairs_csv(path: Path, reach: Callable[[str], str], *, wrong: int = 0) -> str:
    """Write pairs of the first identities, with some wrong verdicts."""
    lines = []
    for person in range(EVALUATED):
        own = [f"{person:03d}/{image}.jpg" for image in range(1, IMAGES + 1)]
        lines += [f"{reach(one)},{reach(other)},1" for one, other in zip(own, [*own[1:], own[0]], strict=True)]
        other = f"{(person + 1) % EVALUATED:03d}/1.jpg"
        lines += [f"{reach(one)},{reach(other)},0" for one in own]
    lines[:wrong] = [line[:-1] + "0" for line in lines[:wrong]]
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(["path1,path2,same", *lines]) + "\n")
    return str(path)


WAYS: dict[str, tuple[str, Callable[[str], str], int]] = {
    "labels that are not folder names": ("data/pairs.csv", str, 0),
    "a list one folder up": ("pairs.csv", lambda file: f"data/{file}", 0),
    "a path with ..": ("data/pairs.csv", lambda file: f"001/../{file}", 0),
    "a symbolic link": ("pairs.csv", lambda file: f"link/{file}", 0),
    "one wrong verdict": ("data/pairs.csv", str, 1),
    "many wrong verdicts": ("data/pairs.csv", str, 12),
}


def divided(images: ImageSet, data_dir: Path, lists: str, protocol: str, workdir: Path) -> tuple[Split, EvaluationPlan]:
    chosen = dict(protocol="pairs", pairs_file=lists) if protocol == "pairs" else {}
    sets = () if protocol == "pairs" else (lists,)
    return partition(images, {"seed": 0, "data": DATA | chosen, "evaluation": {"sets": sets}}, data_dir, workdir)


@pytest.mark.parametrize("protocol", ["pairs", "a further set"])
@pytest.mark.parametrize("source", ["csv", "folder"])
@pytest.mark.parametrize("way", WAYS)
def test_no_evaluated_file_trains(root: Path, tmp_path: Path, way: str, source: str, protocol: str):
    name, reach, wrong = WAYS[way]
    lists = pairs_csv(root / name, reach, wrong=wrong)
    data_dir = root if source == "csv" else root / "data"
    images = read_csv(root / "labels.csv") if source == "csv" else read_folder(data_dir)
    parts, plan = divided(images, data_dir, lists, protocol, tmp_path)
    evaluated = {f"Name {person}" if source == "csv" else f"{person:03d}" for person in range(EVALUATED)}
    assert not evaluated & {*parts.training.names, *parts.validation.identities()}
    if protocol == "a further set":
        assert len(plan.excluded["pairs"]) == EVALUATED


def test_copies_in_other_formats_exclude_their_identities(root: Path, tmp_path: Path):
    lists = pairs_csv(root / "data" / "pairs.csv", str)
    write_records(tmp_path, read_csv(root / "labels.csv"))
    (tmp_path / "train.people.json").unlink()  # the names are then the labels: 0, 1, …
    images = read_records(tmp_path)
    assert len(images) == PEOPLE * IMAGES
    _, plan = divided(images, tmp_path, lists, "a further set", tmp_path / "none")
    assert len(plan.excluded["pairs"]) == EVALUATED


def test_a_set_that_comes_later_counts_the_identities_of_its_files_as_leaking(root: Path, tmp_path: Path):
    (tmp_path / "config.json").write_text("{}")
    lists = pairs_csv(root / "data" / "pairs.csv", str)
    parts, plan = divided(read_csv(root / "labels.csv"), root, lists, "a further set", tmp_path)
    assert plan.leaking == {
        "pairs": sum(f"Name {person}" not in parts.test.identities() for person in range(EVALUATED))
    }
    assert any("6 identities of the data have images in pairs that it does not name" in note for note in parts.notes)


def test_originals_are_compared_where_the_images_are_aligned(root: Path, tmp_path: Path):
    lists = pairs_csv(root / "data" / "pairs.csv", str)
    originals = read_csv(root / "labels.csv")
    crops = [bytes([index]) * 20 for index in range(len(originals))]
    aligned = dataclasses.replace(originals, images=crops, storage="encoded")
    config: dict[str, Any] = {"seed": 0, "data": DATA, "evaluation": {"sets": (lists,)}}
    assert partition(aligned, config, root, tmp_path)[1].excluded == {}
    assert len(partition(aligned, config, root, tmp_path, originals=originals)[1].excluded["pairs"]) == EVALUATED


def test_names_that_contradict_few_pairs_still_exclude_identities(tmp_path: Path):
    for person in range(EVALUATED):
        for image in range(1, IMAGES + 1):
            path = tmp_path / "elsewhere" / f"Ann {person}" / f"{image}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (12, 12), (40 * person, image, 0)).save(path)
    # The first 9 of 36 pairs hold 6 same ones.
    for wrong, contradicting, count in ((0, 0, EVALUATED), (3, 3, EVALUATED), (9, 6, 0)):
        text = pairs_csv(
            tmp_path / "elsewhere" / "pairs.csv", lambda file: f"Ann {int(file[:3])}/{file[4:]}", wrong=wrong
        )
        found = read_evaluation_set(text)
        assert len(found.identities) == count
        assert any(f"contradict {contradicting} of its 36 pairs" in note for note in found.notes) == (wrong > 0)


def test_a_list_of_all_files_leaves_nobody_for_training(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(f"{__name__}.EVALUATED", PEOPLE)
    lists = pairs_csv(root / "data" / "pairs.csv", str)
    with pytest.raises(UserError, match="none is left for training"):
        divided(read_csv(root / "labels.csv"), root, lists, "pairs", tmp_path)
