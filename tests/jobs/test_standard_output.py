"""`--json` prints one document and nothing else, `--quiet` nothing but errors, whatever writes to standard output."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ml_collections import ConfigDict

from configs import base
from lfw_jax.data.synthetic import write_folder
from lfw_jax.errors import UserError
from lfw_jax.evaluation.run_metrics import Protocol
from lfw_jax.jobs import dispatch
from lfw_jax.jobs.dispatch import Request, run_job
from lfw_jax.jobs.standard_output import standard_output
from lfw_jax.jobs.view2_folds import fold_config
from lfw_jax.jobs.workdir import INSPECTION
from lfw_jax.report.progress import Progress, stage
from lfw_jax.report.terminal_text import print_lines
from tests.evaluation.compared_folders import write_compared_run

ROOT = Path(__file__).parents[2]


def tiny(folder: Path, **changes: Any) -> ConfigDict:
    config = base.get_config()
    config.data.update(
        source="folder", dir=str(folder), side=16, crop=0.6, margin=0, loader="pillow", validation_people=0.3, pairs=30
    )
    config.sampler.batch_size = 16
    config.model = ConfigDict(dict(name="patch_resnet", embedding_dim=8, features=(4,), dropout=0.0, winograd=False))
    config.loss = ConfigDict(dict(name="adacos"))
    config.training.update(epochs=1.0, devices=1)
    config.evaluation.update(every_epochs=1.0, batch_size=32)
    config.update_from_flattened_dict(changes)
    return config.lock()


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("synthetic") / "faces", people=24, images_per_person=4, side=40, seed=0)


Ask = Callable[..., Any]


@pytest.fixture
def ask(capfd: pytest.CaptureFixture[str], faces: Path) -> Ask:
    """Return the function that runs a job as `--json` does, and returns the document on standard output."""

    def document(mode: str, config: ConfigDict | None = None, **flags: Any) -> Any:
        capfd.readouterr()
        with standard_output(quiet=False, as_json=True) as deliver:
            run_job(Request(mode, config or tiny(faces), "tiny", command="python launch.py", deliver=deliver, **flags))
        output = capfd.readouterr()
        assert output.err.strip()  # the text for people
        return json.loads(output.out)

    return document


def file(*parts: Any) -> Any:
    return json.loads(Path(*parts).read_text())


def test_a_training_that_pauses_says_so_and_its_evaluation_gives_metrics_and_decisions(
    ask: Ask, faces: Path, tmp_path: Path
):
    workdir = str(tmp_path / "run")
    config = tiny(faces, **{"training.max_minutes": 1e-9, "evaluation.false_match_rate": 0.2})
    paused = ask("train", config, workdir=workdir)
    assert paused == {"paused": True, "workdir": workdir, "step": 1, "total_steps": paused["total_steps"]}
    assert paused["total_steps"] > 1
    evaluated = ask("evaluate", config, workdir=workdir)
    assert evaluated == file(workdir, "metrics.json")
    assert evaluated["parameters"] > 1000
    pair = ",".join(map(str, sorted(faces.glob("*/*_0001.jpg"))[:2]))
    assert len(ask("verify", config, workdir=workdir, input=pair)["decisions"]) == 1
    embedded = ask("embed", config, workdir=workdir, input=str(faces), output=str(tmp_path / "faces.npz"))
    assert embedded == file(tmp_path, "faces.npz.json") | {"output": str(tmp_path / "faces.npz")}
    table = str(tmp_path / "faces.npz")
    found = ask("search", config, workdir=workdir, gallery=table, input=pair, top=3)
    assert [len(query["hits"]) for query in found["queries"]] == [3, 3]
    assert ask("dedupe", config, workdir=workdir, input=table)["photos"] == len(list(faces.glob("*/*.jpg")))
    clusters = ask("cluster", config, workdir=workdir, input=embedded["output"], output=str(tmp_path / "clusters"))
    assert clusters == file(tmp_path, "clusters", "clusters.json") | {"output": str(tmp_path / "clusters")}
    exported = ask("export-model", config, workdir=workdir, output=str(tmp_path / "a.onnx"))
    size = (tmp_path / "a.onnx").stat().st_size
    assert exported == file(tmp_path, "a.onnx.json") | {"path": str(tmp_path / "a.onnx"), "bytes": size}


def test_metrics_are_printed_although_a_set_fails_afterwards(faces: Path, monkeypatch, capfd):
    def fails_after_its_result(request: Request) -> None:
        print_lines("text")
        request.deliver({"accuracy": 0.9})
        raise UserError("a set could not be evaluated")

    monkeypatch.setattr("lfw_jax.jobs.export.export", fails_after_its_result)
    with pytest.raises(UserError), standard_output(quiet=False, as_json=True) as deliver:
        run_job(Request("export", tiny(faces), "tiny", deliver=deliver))
    output = capfd.readouterr()
    assert (json.loads(output.out), output.err) == ({"accuracy": 0.9}, "text\n")


def test_an_export_states_what_it_wrote(ask: Ask, tmp_path: Path):
    images = {"images": 96, "identities": 24, "pixels": False, "excluded": 0}
    assert ask("export", output=f"{tmp_path}/out") == {"output": f"{tmp_path}/out"} | images
    found = ask("export", output=f"{tmp_path}/test.bin")
    assert found.keys() == {"output", "list", "pairs", "same_pairs"}
    assert (found["list"], 2 * found["same_pairs"]) == ("pairsDevTest", found["pairs"])


def test_an_inspection_prints_its_file_also_where_no_training_can_begin(ask: Ask, faces: Path, tmp_path: Path, capfd):
    assert ask("inspect", workdir=str(tmp_path / "good")) == file(tmp_path, "good", INSPECTION[1])
    config = tiny(faces, **{"optimizer.name": "none"})
    with pytest.raises(SystemExit), standard_output(quiet=False, as_json=True) as deliver:
        run_job(Request("inspect", config, "tiny", workdir=str(tmp_path / "bad"), deliver=deliver))
    assert json.loads(capfd.readouterr().out)["faults"]


def test_combined_folds_and_compared_runs_print_their_files(ask: Ask, tmp_path: Path):
    for fold in (1, 2):
        write_compared_run(tmp_path / f"fold{fold}", seed=fold, protocol=Protocol("view2", fold, 2))
    flags = {"input": f"{tmp_path}/fold*", "output": f"{tmp_path}/together"}
    assert ask("combine", **flags) == file(tmp_path, "together", "view2.json")
    assert ask("compare", **flags) == file(tmp_path, "together", "compare.json")


def test_a_cross_validation_prints_its_file(ask: Ask, faces: Path, tmp_path: Path):
    config = tiny(faces)
    for fold in (1, 2):
        of_fold = json.loads(fold_config(config, fold).to_json_best_effort())
        folder = tmp_path / f"view2_{fold}"
        write_compared_run(folder, seed=fold, config=of_fold, protocol=Protocol("view2", fold, 2))
        (tmp_path / "view2").mkdir(exist_ok=True)
        folder.rename(tmp_path / "view2" / f"fold_0{fold}")
    assert ask("crossvalidate", config, workdir=f"{tmp_path}/view2") == file(tmp_path, "view2", "view2.json")


def test_an_alignment_prints_its_counts(ask: Ask, faces: Path, tmp_path: Path):
    person = next(path for path in sorted(faces.iterdir()) if path.is_dir())
    shutil.copytree(person, tmp_path / "in" / person.name)
    found = ask("align", input=f"{tmp_path}/in", output=f"{tmp_path}/out")
    assert (found["images"], found["aligned_now"], found["unreadable"]) == (4, 4, 0)
    assert found["faces"] + found["fallbacks"] == 4
    assert all((tmp_path / "out" / name).is_file() for name in found["sheets"])


def test_a_service_states_what_it_answered_when_it_ends(ask: Ask, tmp_path: Path):
    workdir = str(tmp_path / "run")
    ask("train", workdir=workdir)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def end() -> None:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz") as answer:
                assert answer.status == 200
                break
            time.sleep(0.05)
        if callable(signal.getsignal(signal.SIGTERM)):  # the service runs
            os.kill(os.getpid(), signal.SIGTERM)

    ending = threading.Thread(target=end)
    ending.start()
    found = ask("serve", workdir=workdir, port=port)
    ending.join()
    assert (found["url"], found["answered"], found["refused"]) == (f"http://127.0.0.1:{port}", 1, 0)


def test_every_mode_is_asked_for_its_document():
    source = Path(__file__).read_text()
    assert [mode for mode in dispatch.JOBS if f'ask("{mode}"' not in source] == []


NOISE = """
import os, sys, warnings, ctypes
from lfw_jax.jobs.standard_output import standard_output
with standard_output(quiet={quiet}, as_json={json}) as deliver:
    print("text")
    warnings.warn("a warning")
    os.system("echo child")
    ctypes.CDLL(None).puts(b"native")
    ctypes.CDLL(None).fflush(None)
    deliver({{"a": 1}})
print("after")
"""


@pytest.mark.parametrize(
    ("quiet", "as_json", "out", "err"),
    [
        (False, False, ["text", "child", "native", "after"], []),
        (False, True, ["{", '  "a": 1', "}", "after"], ["text", "child", "native"]),
        (True, False, ["after"], []),
        (True, True, ["{", '  "a": 1', "}", "after"], []),
    ],
)
def test_text_of_python_of_children_and_of_native_code_goes_the_same_way(quiet, as_json, out, err):
    code = NOISE.format(quiet=quiet, json=as_json)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert sorted(done.stdout.splitlines()) == sorted(out)
    said = [line for line in done.stderr.splitlines() if line in ("text", "child", "native")]
    assert sorted(said) == sorted(err)
    assert "a warning" in done.stderr


def test_quiet_drops_progress_too_and_no_longer_than_the_job(capfd: pytest.CaptureFixture[str]):
    def show() -> None:
        with Progress(1, batch_size=1) as progress, stage("pass", 1):
            progress.update(1, loss=1.0)
            progress.note("a note")

    with standard_output(quiet=True, as_json=False):
        show()
        os.write(1, b"native\n")
    assert capfd.readouterr() == ("", "")
    show()
    assert "a note" in capfd.readouterr().err


def test_the_command_prints_one_document_and_an_error_none(tmp_path: Path):
    write_compared_run(tmp_path / "run", seed=0)

    def call(pattern: str) -> subprocess.CompletedProcess:
        flags = ["--mode=compare", f"--input={tmp_path}/{pattern}", f"--output={tmp_path}/out", "--json"]
        return subprocess.run(
            [sys.executable, "launch.py", *flags], cwd=ROOT, capture_output=True, text=True, check=False
        )

    good, bad = call("run"), call("none*")
    assert json.loads(good.stdout) == file(tmp_path, "out", "compare.json")
    assert "report: " in good.stderr
    assert (bad.returncode, bad.stdout) == (2, "")
    assert bad.stderr.startswith("launch.py: --input: found no folder that matches")


def test_the_command_prints_one_document(tmp_path: Path):
    write_compared_run(tmp_path / "run", seed=0)
    command = [
        sys.executable,
        "launch.py",
        "--mode=compare",
        f"--input={tmp_path}/*",
        f"--output={tmp_path}/out",
        "--json",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert json.loads(done.stdout) == file(tmp_path, "out", "compare.json")
    assert "report: " in done.stderr


def test_without_the_flags_nothing_is_redirected(capfd: pytest.CaptureFixture[str]):
    with standard_output(quiet=False, as_json=False) as deliver, warnings.catch_warnings():
        print_lines("text")
        deliver({"a": 1})
    assert capfd.readouterr() == ("text\n", "")
