"""Measuring processes that a parent commands: their answers, failures and ends."""

import time

import pytest

from benchmarks.gpu.throughput_workers import Worker, WorkerFailed, reason_of
from lfw_jax.errors import UserError

_HERE = "tests.benchmarks.test_gpu_throughput_workers"


class Commands:
    """What the worker of the tests below carries out."""

    def echo(self, **arguments) -> dict:
        print("a library that prints")
        return arguments

    def fail(self, text: str) -> dict:
        raise RuntimeError(text)

    def quit(self) -> dict:
        raise SystemExit(3)

    def sleep(self) -> dict:
        time.sleep(60)
        return {}


def test_a_worker_answers_fails_and_goes_on():
    with Worker(_HERE) as worker:
        assert worker.ask("echo", timeout=60, value=[1, 2]) == {"value": [1, 2]}
        with pytest.raises(WorkerFailed, match=r"^RuntimeError: no such thing$"):
            worker.ask("fail", timeout=60, text="no such thing\nat all")
        with pytest.raises(WorkerFailed, match=r"^out of memory$"):
            worker.ask("fail", timeout=60, text="RESOURCE_EXHAUSTED: Out of memory allocating 1 byte")
        assert worker.ask("echo", timeout=60, value="still there") == {"value": "still there"}


def test_a_worker_that_dies_or_takes_too_long_gives_a_reason():
    with Worker(_HERE) as worker:
        for _ in range(2):  # once dead, it stays so
            with pytest.raises(WorkerFailed, match="ended with code 3"):
                worker.ask("quit", timeout=60)
    with Worker(_HERE) as worker:
        worker.ask("echo", timeout=60)
        with pytest.raises(WorkerFailed, match=r"^over 0 s$"):
            worker.ask("sleep", timeout=0.2)


def test_a_library_that_is_not_installed_is_the_reason():
    with Worker("benchmarks.no_such_module") as worker, pytest.raises(WorkerFailed, match="is not installed"):
        worker.ask("start", timeout=60)
    assert reason_of(UserError("found no file")) == "found no file"
