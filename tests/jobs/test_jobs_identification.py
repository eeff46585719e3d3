"""A run identifies its own test images, and evaluates the configured protocols, from training to the page."""

import json
from pathlib import Path

import pytest
from ml_collections import ConfigDict

from configs import base
from lfw_jax.data.protocols.identification_sets import IdentificationSet
from lfw_jax.data.synthetic import write_folder
from lfw_jax.errors import UserError
from lfw_jax.evaluation.finished_runs import read_finished_run
from lfw_jax.evaluation.identification.results import IdentificationResult
from lfw_jax.inference.run_embedder import RunEmbedder
from lfw_jax.jobs import identification
from lfw_jax.jobs.train_and_evaluate import run
from tests.data.identification.protocol_files import write


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("drawn") / "faces", people=24, images_per_person=4, side=40, seed=0)


@pytest.fixture(scope="module")
def protocol(faces: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five identities of the data: one image each in the gallery, two in a template among the probes."""
    folder = tmp_path_factory.mktemp("protocol") / "faces_protocol"
    people = sorted(path for path in faces.iterdir() if path.is_dir())[:5]
    lines = ["template_id,subject_id,file"]
    for index, person in enumerate(people):
        first, second, third, _ = sorted(file.name for file in person.iterdir())
        lines += [f"g{index},{person.name},{person.name}/{first}"]
        lines += [f"p{index},{person.name},{person.name}/{file}" for file in (second, third)]
    write(folder / "templates.csv", lines)
    write(folder / "gallery.csv", [f"g{index}" for index in range(4)])
    write(folder / "probes.csv", [f"p{index}" for index in range(5)])
    parts = ["templates,templates.csv", "gallery,gallery.csv", "probes,probes.csv", f"images,{faces}"]
    write(folder / "bad.csv", parts)
    return write(folder / "protocol.csv", parts)


def tiny(folder: Path, protocol: Path) -> ConfigDict:
    config = base.get_config()
    config.data.update(
        source="folder", dir=str(folder), side=16, crop=0.6, loader="pillow", validation_people=0.2, pairs=30
    )
    config.sampler.batch_size = 16
    config.model = ConfigDict(dict(name="patch_resnet", embedding_dim=8, features=(4,), dropout=0.1, winograd=False))
    config.loss = ConfigDict(dict(name="adacos"))
    config.training.update(epochs=1.0, log_every=2, devices=1)
    config.evaluation.update(
        every_epochs=1.0, batch_size=32, identification=(str(protocol), str(protocol.with_name("bad.csv")))
    )
    return config.lock()


def one_run(config: ConfigDict, workdir: Path, *, train: bool) -> None:
    run(config, str(workdir), name="tiny", train=train, command="python launch.py")


def test_a_run_reports_its_own_images_and_protocols_and_one_that_fails_costs_no_other_result(
    faces: Path, protocol: Path, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    config, workdir, identify_set = tiny(faces, protocol), tmp_path / "run", identification.identify_set

    def fail_once(embedder: RunEmbedder, item: IdentificationSet) -> dict[str, IdentificationResult]:
        if item.name == "bad":
            raise MemoryError("40 GB")
        return identify_set(embedder, item)

    monkeypatch.setattr(identification, "identify_set", fail_once)
    with pytest.raises(
        UserError, match=r"--config.evaluation: bad could not be evaluated: MemoryError: 40 GB. All other"
    ):
        one_run(config, workdir, train=True)
    metrics = read_finished_run(workdir).metrics
    own = metrics.identification
    assert own is not None
    assert own.name == metrics.test.name
    assert own.closed_set is not None
    assert own.retrieval is not None
    assert metrics.failed_sets == {"bad": "MemoryError: 40 GB."}
    (result,) = metrics.identification_sets.values()
    assert (result.name, result.gallery, result.identities) == ("faces_protocol", 4, 4)
    assert result.closed_set is not None
    assert (result.closed_set.probes, result.closed_set.without_mate) == (4, 1)
    assert [point.rate for point in result.closed_set.cmc][-1] == 1.0
    excluded = json.loads((workdir / "excluded_identities.json").read_text())["faces_protocol"]
    assert len(excluded) == 5
    page = (workdir / "report.html").read_text()
    assert "<h2>Identification and retrieval" in page
    assert "4 probes are searched among 4 entries of 4 identities" in page
    printed = capsys.readouterr().out
    assert "Identification and retrieval" in printed
    assert max(map(len, printed.split("Identification and retrieval")[1].split("report:")[0].splitlines())) <= 80

    # A missing file is refused before anything is written.
    before = (workdir / "metrics.json").read_bytes()
    protocol.with_name("gallery.csv").rename(protocol.with_name("gallery.bak"))
    with pytest.raises(UserError, match=r"line 2: found 'gallery,gallery.csv', expected a file; there is none at"):
        one_run(config, workdir, train=False)
    assert (workdir / "metrics.json").read_bytes() == before
