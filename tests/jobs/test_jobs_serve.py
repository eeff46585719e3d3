"""`--mode=serve` answers over HTTP like the library, drains on SIGTERM, and refuses bad addresses in a sentence."""

import concurrent.futures
import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from configs import quickstart
from lfw_jax.errors import UserError
from lfw_jax.inference.model.face_verifier import FaceVerifier
from lfw_jax.jobs import serve as serve_job
from lfw_jax.jobs.dispatch import Request, run_job
from tests.jobs.embedded_faces import embedded_faces

ROOT = Path(__file__).parents[2]
TOKEN = "0123456789abcdef"


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return embedded_faces(tmp_path_factory) / "faces"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return embedded_faces(tmp_path_factory) / "run" / "model"


def request(model: Path | str, **flags: Any) -> Request:
    return Request("serve", quickstart.get_config(), "quickstart", model=str(model), **{"port": 0, **flags})


@contextlib.contextmanager
def started(model: Path, *flags: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start the service as a process, and yield it with its address."""
    command = [sys.executable, "launch.py", "--mode=serve", f"--model={model}", "--port=0", *flags]
    buffered = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}  # as for most users
    process = subprocess.Popen(
        command, cwd=ROOT, env=buffered, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        found = next(filter(None, (re.match(r"(http://\S+): serving", line) for line in process.stdout)))
        yield process, found[1]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        assert process.stderr is not None
        process.stderr.close()


def test_sigterm_finishes_what_is_accepted_and_refuses_the_rest(model: Path, faces: Path):
    files = sorted(faces.glob("*/*.jpg"))
    expected = FaceVerifier.load(model).compare(files[0], files[1])
    with started(model) as (process, url), httpx2.Client(base_url=url, timeout=60) as client:
        pair = {"first": files[0].read_bytes(), "second": files[1].read_bytes()}
        answer = client.post("/verify", files=pair, data={"fmr": "0.4"}).json()
        assert answer["distance"] == pytest.approx(expected.distance, abs=1e-5)
        assert answer["probability"] == pytest.approx(expected.probability, abs=1e-4)

        photos = [("photos", files[index % len(files)].read_bytes()) for index in range(16)]
        sent = threading.Barrier(13)

        def post() -> int:
            with httpx2.Client(base_url=url, timeout=60) as own:
                own.get("/healthz")  # its connection is accepted
                sent.wait()
                return own.post("/embed", files=photos).status_code

        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            answers = [pool.submit(post) for _ in range(12)]
            sent.wait()
            until = time.monotonic() + 30
            while "lfw_jax_in_flight 1.0" in client.get("/metrics").text:  # this request alone
                assert time.monotonic() < until
            process.send_signal(signal.SIGTERM)
            statuses = [answer.result() for answer in answers]
        assert set(statuses) <= {200, 503}
        assert statuses.count(200) >= 1
        assert process.wait(60) == 0
        assert process.stdout is not None
        assert "ended: every accepted request is answered" in process.stdout.read()
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()
        with pytest.raises(httpx2.ConnectError):
            client.get("/healthz")


def serve_until(checked: threading.Event, given: Request) -> None:
    """Run the job in this thread; a signal ends it once the event is set."""

    def end() -> None:
        checked.wait(60)
        if callable(signal.getsignal(signal.SIGTERM)):  # the service runs
            os.kill(os.getpid(), signal.SIGTERM)

    ending = threading.Thread(target=end)
    ending.start()
    try:
        run_job(given)
    finally:
        checked.set()
        ending.join()


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return bound.getsockname()[1]


def test_a_folder_of_photos_is_a_gallery(model: Path, faces: Path, capsys: pytest.CaptureFixture[str]):
    port, checked, delivered = free_port(), threading.Event(), []
    found: dict[str, Any] = {}
    statuses: list[int] = []
    file = sorted(faces.glob("*/*.jpg"))[5]

    def ask() -> None:
        with contextlib.suppress(Exception), httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            for _ in range(600):
                with contextlib.suppress(httpx2.ConnectError):
                    client.get("/healthz")
                    break
                time.sleep(0.05)
            fields = {"top": "4", "crops": "true"}
            found.update(client.post("/search", files={"photo": file.read_bytes()}, data=fields).json())
            statuses.extend(client.get("/card").status_code for _ in range(2))
        checked.set()

    asking = threading.Thread(target=ask)
    asking.start()
    serve_until(checked, request(model, port=port, gallery=str(faces), requests_per_minute=2, deliver=delivered.append))
    asking.join()
    assert found["gallery"] == 48
    assert [hit["rank"] for hit in found["hits"]] == [1, 2, 3, 4]
    best = found["hits"][0]
    assert (best["identity"], best["source"]) == (file.parent.name, f"{file.parent.name}/{file.name}")
    assert best["distance"] == pytest.approx(0, abs=1e-3)
    assert best["picture"].startswith("data:image/jpeg;base64,")
    assert "gallery: 48 faces, 0 photos skipped" in capsys.readouterr().out
    assert delivered[0]["url"] == f"http://127.0.0.1:{port}"
    assert statuses == [200, 429]
    assert (delivered[0]["refused"], delivered[0]["faces"]) == (1, 0)
    assert delivered[0]["answered"] >= 2


def test_a_gallery_file_that_is_gone_has_no_picture(model: Path, faces: Path, tmp_path: Path):
    copied = shutil.copytree(faces, tmp_path / "faces")
    verifier = FaceVerifier.load(model)
    made = serve_job._gallery(request(model, gallery=str(copied)), verifier)
    assert made.picture(0) is not None
    shutil.rmtree(copied)
    assert made.picture(0) is None
    assert len(made) == len(made.faces) == 48


def test_the_rate_is_that_of_the_training_or_the_smallest_that_is_supported(model: Path):
    verifier = FaceVerifier.load(model)
    assert serve_job.default_rate(verifier) >= 0.1
    assert verifier.operating_point(serve_job.default_rate(verifier)).target_rate > 0


@pytest.mark.parametrize(
    ("flags", "token", "words"),
    [
        ({"host": "0.0.0.0"}, "", r"--host is 0\.0\.0\.0, which other machines reach; expected a token .* LFW_JAX_TOKEN"),
        ({"host": "::"}, "", "which other machines reach"),
        ({"host": "0.0.0.0"}, "short", "LFW_JAX_TOKEN: expected at least 16 printable ASCII characters"),
        ({}, "short", "LFW_JAX_TOKEN: expected at least 16"),
        ({}, "ü" * 20, "LFW_JAX_TOKEN: expected at least 16 printable ASCII"),
        ({"host": "no-such-host.invalid"}, TOKEN, r"--host is no-such-host\.invalid, which has no address"),
        ({"host": "192.0.2.1"}, TOKEN, r"--host=192\.0\.2\.1 --port=0: cannot listen \("),
        ({"port": 70000}, "", "--port is 70000; expected 0 to 65,535"),
        ({"fmr": 1e-9}, "", "this model supports false match rates of"),
        ({"gallery": "/nowhere/at/all"}, "", "/nowhere/at/all: found no such file or folder"),
        ({"model": ""}, "", "--mode=serve needs --model"),
    ],
)  # fmt: skip
def test_bad_requests_are_refused_in_a_sentence(
    model: Path, flags: dict[str, Any], token: str, words: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("LFW_JAX_TOKEN", token)
    with pytest.raises(UserError, match=words):
        run_job(request(**{"model": model, **flags}))


def test_a_busy_port_is_refused_before_the_model_is_read():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        words = rf"^--port: {port} is taken on 127\.0\.0\.1\. Choose another one, or end its program\.$"
        with pytest.raises(UserError, match=words):
            run_job(request("no such model", port=port))


def test_missing_packages_are_named(model: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(serve_job, "_PACKAGES", {"no_such_module": "no-such-package"})
    with pytest.raises(UserError, match=r"needs no-such-package; run `pip install 'lfw-jax\[serve\]'`"):
        run_job(request(model))
