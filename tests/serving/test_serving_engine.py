"""The engine answers every request once, in small batches; faults reach whom they concern; galleries hide folders."""

import re
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lfw_jax.serving.engine import MOST_FACES, Engine, Work
from lfw_jax.serving.gallery import shown_sources
from tests.serving.running import running
from tests.serving.stub import GREEN, RED, photo, service


class Doubling:
    """Embeds a number as twice this number."""

    def __init__(self):
        self.sizes: list[int] = []

    def prepare(self, photo: Any) -> Any:
        return photo

    def prepare_aligned(self, crop: Any) -> Any:
        return crop

    def embed(self, faces: Any) -> np.ndarray:
        self.sizes.append(len(faces))
        if any(face < 0 for face in faces):
            raise ValueError("a negative number")
        return 2 * np.asarray(faces, np.float32)[:, None]


def numbers(*values: int) -> Work[list[float]]:
    return Work(lambda: values, lambda embeddings: embeddings[:, 0].tolist() if len(embeddings) else [])  # pyright: ignore


def started(system: Doubling, threads: int = 1) -> Engine:
    engine = Engine(system, threads)
    engine.start()
    return engine


def test_every_request_gets_its_own_answer():
    system = Doubling()
    engine = started(system, threads=3)
    asked = [tuple(range(start, start + start % 12)) for start in range(200)]
    answers = [engine.submit(numbers(*values)) for values in asked]
    assert [answer.result(30) for answer in answers] == [[2.0 * value for value in values] for values in asked]
    engine.close()
    assert max(system.sizes) <= MOST_FACES
    assert sum(system.sizes) == sum(map(len, asked))


def test_closing_finishes_what_is_queued():
    release = threading.Event()
    engine = started(Doubling())

    def wait() -> list[int]:
        assert release.wait(30)
        return [1]

    first = engine.submit(Work(wait, lambda embeddings: float(embeddings[0, 0])))  # pyright: ignore[reportArgumentType]
    others = [engine.submit(numbers(value)) for value in range(20)]
    closing = threading.Thread(target=engine.close)
    closing.start()
    release.set()
    closing.join(30)
    assert not closing.is_alive()
    assert first.result(0) == 2.0
    assert [answer.result(0) for answer in others] == [[2.0 * value] for value in range(20)]


def test_a_fault_ends_no_thread():
    engine = started(Doubling())

    def broken(*_: Any) -> Any:
        raise KeyError("broken")

    with pytest.raises(KeyError):
        engine.submit(Work(broken, len)).result(30)
    with pytest.raises(KeyError):
        engine.submit(Work(lambda: [1], broken)).result(30)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="negative"):
        engine.submit(numbers(-1)).result(30)
    assert engine.submit(numbers(4)).result(30) == [8.0]
    engine.close()


class Blocked(Doubling):
    """Waits in its first batch until it is released."""

    def __init__(self):
        super().__init__()
        self.entered, self.release = threading.Event(), threading.Event()

    def embed(self, faces: Any) -> np.ndarray:
        self.entered.set()
        assert self.release.wait(30)
        return super().embed(faces)


def test_a_fault_does_not_reach_the_requests_that_are_embedded_together():
    system = Blocked()
    engine = started(system)
    engine.submit(numbers(9))
    assert system.entered.wait(30)
    answers = [engine.submit(numbers(*values)) for values in ((1, 2), (-1,), (3,))]
    assert engine.submit(Work(lambda: (), len)).result(30) == 0  # all before it are prepared
    system.release.set()
    assert (answers[0].result(30), answers[2].result(30)) == ([2.0, 4.0], [6.0])
    with pytest.raises(ValueError, match="negative"):
        answers[1].result(30)
    assert system.sizes == [1, 4, 2, 1, 1]
    engine.close()


def test_an_answer_that_takes_long_delays_no_embedding():
    engine, release = started(Doubling(), threads=2), threading.Event()
    slow = engine.submit(Work(lambda: [1], lambda _: release.wait(30)))  # pyright: ignore[reportArgumentType]
    assert engine.submit(numbers(4)).result(10) == [8.0]
    assert not slow.done()
    release.set()
    engine.close()
    assert slow.result(0) is True


def test_an_engine_can_be_started_again_and_refuses_work_before():
    engine = Engine(Doubling(), threads=2)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="not started"):
            engine.submit(numbers(1))
        engine.start()
        assert engine.submit(numbers(4)).result(30) == [8.0]
        engine.close()
    engine.close()


def test_work_of_a_client_that_is_gone_is_not_begun():
    release, begun = threading.Event(), []
    engine = started(Doubling())
    engine.submit(Work(lambda: release.wait(30) and [], len))
    late = engine.submit(Work(lambda: begun.append(1) or [], len))
    assert late.cancel()
    release.set()
    engine.close()
    assert begun == []


def test_sources_are_shown_below_their_common_folder():
    assert shown_sources(["/a/b/x/1.jpg", "/a/b/y/2.jpg"]) == ["x/1.jpg", "y/2.jpg"]
    assert shown_sources(["/a/b/1.jpg"]) == ["1.jpg"]
    assert shown_sources(["/a/b/1.jpg", "Ada, image 3"]) == ["1.jpg", "Ada, image 3"]
    assert shown_sources([]) == []


def test_the_client_of_the_documentation_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    pytest.importorskip("requests")
    page = (Path(__file__).parents[2] / "docs" / "using.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```py\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    assert len(example.splitlines()) <= 10
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.jpg").write_bytes(photo(RED, kind="JPEG"))
    (tmp_path / "b.jpg").write_bytes(photo(GREEN, kind="JPEG"))
    with running(service()) as url:
        code = compile(example.replace("http://127.0.0.1:8000", url), "using.md", "exec")
        exec(code, {})
        assert re.fullmatch(r"different 1\.7\d+ 0\.0\d+\n", capsys.readouterr().out)
        (tmp_path / "b.jpg").write_bytes(photo(None, kind="JPEG"))
        with pytest.raises(SystemExit, match="second photo: found no face"):
            exec(code, {})
