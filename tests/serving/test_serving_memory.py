"""The engine holds nothing of an upload once it is answered."""

import gc
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from lfw_jax.serving.engine import Engine, Work
from tests.serving.test_serving_engine import Doubling, numbers


class Upload:
    """The content of a photo, which can be referred to weakly."""


@pytest.fixture
def uncollected() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


def work_of(upload: Upload, *, values: tuple[int, ...] = (), refused: bool = False, broken: bool = False) -> Work[int]:
    seen: list[Upload] = []

    def prepare() -> Any:
        seen.append(upload)
        if refused:
            raise ValueError("no face")
        return values

    def finish(embeddings: Any) -> int:
        if broken:
            raise KeyError("broken")
        return len(seen) + len(embeddings)

    return Work(prepare, finish)


@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize(
    "case",
    [{}, {"values": (1, 2)}, {"values": (-1,)}, {"refused": True}, {"broken": True}, {"values": (1,), "broken": True}],
    ids=str,
)
def test_an_upload_does_not_outlive_its_answer(case: dict[str, Any]):
    engine = Engine(Doubling(), threads=1)
    engine.start()
    upload = Upload()
    kept = weakref.ref(upload)
    answer = engine.submit(work_of(upload, **case))
    del upload
    answer.exception(30)
    del answer
    assert engine.submit(numbers(3)).result(30) == [6.0]  # every thread is done with the request before
    assert kept() is None
    engine.close()
