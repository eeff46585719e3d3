"""The partition of a run: the identities excluded when training began stay excluded when it resumes."""

import json
from pathlib import Path
from typing import Any

import pytest

from lfw_jax.data.formats.folder import read_folder
from lfw_jax.data.protocols.partition import EXCLUDED, partition
from lfw_jax.data.synthetic import write_folder
from lfw_jax.errors import UserError

DATA = dict(protocol="generated", validation_people=0.3, test_people=0.3, pairs=10, near_duplicates="ignore")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("synthetic") / "faces", people=16, images_per_person=2, side=24, seed=0)


def config(*sets: str) -> dict[str, Any]:
    return {"seed": 0, "data": DATA, "evaluation": {"sets": sets}}


def begun(workdir: Path, files: dict[str, Any]) -> Path:
    workdir.mkdir()
    for name, content in {"config.json": {}, **files}.items():
        (workdir / name).write_text(json.dumps(content))
    return workdir


def test_a_work_directory_that_has_begun_excludes_what_it_excluded_then(folder: Path, tmp_path: Path):
    images = read_folder(folder)
    names = partition(images, config(), folder, tmp_path / "none")[0].training.names
    (tmp_path / "party.csv").write_text(
        f"path1,path2,same\n{names[0]}/{names[0]}_0001.jpg,{names[0]}/{names[0]}_0002.jpg,1\n"
        f"{names[0]}/{names[0]}_0001.jpg,{names[1]}/{names[1]}_0002.jpg,0\n"
        f"{names[1]}/{names[1]}_0001.jpg,{names[1]}/{names[1]}_0002.jpg,1\n"
        f"{names[0]}/{names[0]}_0002.jpg,{names[1]}/{names[1]}_0001.jpg,0\n"
    )
    parts, plan = partition(images, config(f"{tmp_path}/party.csv@{folder}"), folder, tmp_path / "none")
    assert plan.excluded == {"party": sorted(names[:2])}
    workdir = begun(tmp_path / "run", {})
    plan.write(workdir)
    again, later = partition(images, config(), folder, workdir)
    assert again.training.names == parts.training.names
    assert later.excluded == plan.excluded


def test_work_directories_with_the_former_file_name_still_resume(folder: Path, tmp_path: Path):
    images = read_folder(folder)
    names = partition(images, config(), folder, tmp_path / "none")[0].training.names
    parts, plan = partition(images, config(), folder, begun(tmp_path / "old", {"kept_out.json": {"party": [names[0]]}}))
    assert plan.excluded == {"party": [names[0]]}
    assert parts.excluded == {names[0]: "party"}
    files = {"kept_out.json": {"party": [names[0]]}, EXCLUDED: {"party": [names[1]]}}
    assert partition(images, config(), folder, begun(tmp_path / "both", files))[0].excluded == {names[1]: "party"}


@pytest.mark.parametrize("name", [EXCLUDED, "kept_out.json"])
@pytest.mark.parametrize("content", [[1], {"party": 7}, {"party": [7]}])
def test_a_damaged_file_of_excluded_identities_is_named(folder: Path, tmp_path: Path, name: str, content: Any):
    with pytest.raises(UserError, match=name):
        partition(read_folder(folder), config(), folder, begun(tmp_path / "run", {name: content}))
