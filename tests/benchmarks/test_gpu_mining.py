import importlib.util
import time
from pathlib import Path

import pytest

from benchmarks.gpu import mining
from benchmarks.gpu.throughput_workers import WorkerFailed
from benchmarks.mining_cases import Case, Measured, call_times
from lfw_jax.errors import UserError


@pytest.fixture(scope="module")
def result() -> dict:
    return mining.measure(Path("unused.npz"), Path("unused"), toy=True)


@pytest.mark.parametrize("case", list(Case))
@pytest.mark.parametrize("size", ["128", "256"])
def test_every_case_and_size_has_time_and_memory(result, case, size):
    row = result["cases"][case.value][size]["lfw_jax"]
    times = row["milliseconds"]
    assert 0 < times["lowest"] <= times["median"] <= times["highest"]
    assert row["calls"] >= 6
    assert row["peak_mebibytes"] >= 0
    assert row["first_call_seconds"] > 0
    assert row["loss"] > 0


@pytest.mark.skipif(
    importlib.util.find_spec("pytorch_metric_learning") is not None, reason="pytorch-metric-learning is installed"
)
def test_without_the_peer_its_figures_say_so(result):
    rows = result["cases"][Case.TRIPLET_SEMIHARD.value]
    assert rows["128"]["pytorch_metric_learning"].endswith("is not installed")
    assert "times_faster" not in rows["128"]


def test_an_unknown_case_is_a_user_error():
    with pytest.raises(UserError, match=r"case is 'triplets'; expected one of contrastive_semihard, .*"):
        mining.measure(Path("unused.npz"), Path("unused"), toy=True, case="triplets")


class FakeWorker:
    """A library that takes so many milliseconds and has no room beyond a size."""

    def __init__(self, milliseconds: float, room: int = 10**9):
        self.milliseconds, self.room, self.sizes, self.dismissed = milliseconds, room, [], False

    def ask(self, command: str, *, timeout: float, **arguments) -> dict:
        assert timeout > 0
        if command == "prepare":
            self.sizes.append(arguments["size"])
            if arguments["size"] > self.room:
                raise WorkerFailed("out of memory")
            return {"loss": 1.0}
        return {"milliseconds": [self.milliseconds] * 3} if command == "round" else {"peak_mebibytes": 1.0}

    def dismiss(self) -> None:
        self.dismissed = True


def table(ours: FakeWorker, peer: FakeWorker, seconds: float = 60.0) -> dict:
    workers = {"lfw_jax": ours, "pytorch_metric_learning": peer}
    ends = time.monotonic() + seconds
    return mining._case(Case.TRIPLET_SEMIHARD, (256, 512, 1024), workers, ends, peer={}, shared=False)


def test_a_library_without_room_is_dismissed_and_the_other_goes_on():
    ours, peer = FakeWorker(2.0), FakeWorker(10.0, room=256)
    rows = table(ours, peer)
    assert rows["256"]["times_faster"] == 5
    assert rows["512"]["pytorch_metric_learning"] == "out of memory"
    assert rows["1024"]["pytorch_metric_learning"] == "not tried: out of memory at 512"
    assert peer.dismissed
    assert (ours.sizes, peer.sizes) == ([256, 512, 1024], [256, 512])


def test_nothing_is_begun_when_the_time_is_over():
    ours, peer = FakeWorker(2.0), FakeWorker(10.0)
    rows = table(ours, peer, seconds=-1.0)
    assert {row[library] for row in rows.values() for library in row} == {"no time left"}
    assert not ours.sizes + peer.sizes


def test_calls_are_counted_in_time_and_number():
    assert len(call_times(lambda: None, 10.0)) == 200
    slow = call_times(lambda: time.sleep(0.02), 0.01)
    assert len(slow) == 3
    assert min(slow) >= 20


def test_the_devices_peak_is_reported_where_there_is_one():
    calls = []
    commands = Measured(dict, lambda case, size: lambda: calls.append((case, size)) or 0.5, lambda: 7.0)
    assert commands.prepare("triplet + semihard", 128)["loss"] == 0.5
    commands.round(0.0)
    assert commands.finish() == {"peak_mebibytes": 7.0}
    assert calls == [(Case.TRIPLET_SEMIHARD, 128)] * 5
