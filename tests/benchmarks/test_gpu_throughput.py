"""The throughput item: what it measures of the step, what it counts, and how it keeps within its time."""

import importlib.util
import math
from pathlib import Path

import cv2
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.gpu import throughput, trace
from benchmarks.gpu.throughput_flops import resnet_forward, resnet_step
from benchmarks.gpu.throughput_hlo import BATCH_NORM, CONVOLUTION, MATRIX, OPTIMISER
from benchmarks.gpu.throughput_plan import TOY, peak_teraflops, timed_steps
from benchmarks.gpu.throughput_workers import WorkerFailed
from lfw_jax.data.formats.array import write_array
from lfw_jax.data.images import ImageSet
from lfw_jax.errors import UserError
from lfw_jax.models.resnet import ResNet

RESNET50 = dict(stages=(3, 4, 6, 3), width=64)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    rng = np.random.default_rng(0)
    encoded = [cv2.imencode(".jpg", rng.integers(0, 256, (24, 24, 3), np.uint8))[1].tobytes() for _ in range(8)]
    labels = np.repeat(np.arange(4), 2).astype(np.int32)
    numbers = np.tile(np.arange(1, 3), 4).astype(np.int32)
    path = tmp_path_factory.mktemp("data") / "faces.npz"
    write_array(path, ImageSet(tuple("abcd"), labels, numbers, encoded, "encoded"))
    return path


@pytest.fixture(scope="module")
def result(data, tmp_path_factory) -> dict:
    folder = tmp_path_factory.mktemp("throughput")
    found = throughput.measure(data, folder, toy=True, dtype="bfloat16")
    return found | {"folder": folder}


def rows(result: dict) -> dict:
    return result["batches"][str(TOY.batches[0])]


@pytest.mark.parametrize("name", ["lfw_jax_resident", "lfw_jax_host_pixels", "lfw_jax_host_jpeg"])
def test_every_way_of_feeding_the_step_has_its_rates(result, name):
    row = rows(result)[name]
    rate = row["images_per_second"]
    assert 0 < rate["lowest"] <= rate["median"] <= rate["highest"]
    assert row["step_milliseconds"] == pytest.approx(1e3 * TOY.batches[0] / rate["median"])
    expected = rate["median"] * result["flops_per_image"]["counted"] / 1e12 / result["peak"]["teraflops_per_second"]
    assert row["share_of_peak"] == pytest.approx(expected)
    assert row["steps"] >= 2 * TOY.rounds


def test_compilation_is_reported_once_per_program(result):
    assert rows(result)["lfw_jax_resident"]["compile_seconds"] > 0
    assert rows(result)["lfw_jax_host_pixels"]["compile_seconds"] > 0
    assert rows(result)["lfw_jax_host_jpeg"]["compiled_as"] == "lfw_jax_host_pixels"


@pytest.mark.skipif(importlib.util.find_spec("torch") is not None, reason="PyTorch is installed")
def test_without_pytorch_its_rows_say_so(result):
    assert rows(result)["torch_eager"] == rows(result)["torch_compiled"] == "torch is not installed"
    assert result["torch"] == result["peak"]["torch_teraflops_per_second"] == "torch is not installed"


def test_the_trace_of_the_step_names_operations_and_parts(result):
    found = result["trace"]
    for table in ("by_kind", "by_scope", "by_resource"):
        assert sum(row["share"] for row in found[table].values()) == pytest.approx(1)
    assert {CONVOLUTION, BATCH_NORM, OPTIMISER, MATRIX} <= set(found["by_kind"])
    assert {"network, forward", "network, backward", "objective, forward", "optimiser"} <= set(found["by_scope"])
    assert len(found["operations"]) == 5
    times = [row["milliseconds"] for row in found["operations"]]
    assert times == sorted(times, reverse=True)
    assert found["share_without_known_instruction"] < 0.05
    assert (result["folder"] / found["files"][0]).stat().st_size < trace.LARGEST_FILE


def test_an_unknown_type_or_missing_data_is_a_user_error(data, tmp_path):
    with pytest.raises(UserError, match="dtype is 'float16'"):
        throughput.measure(data, tmp_path, toy=True, dtype="float16")
    with pytest.raises(UserError, match="found no file"):
        throughput.measure(tmp_path / "none.npz", tmp_path, toy=True)


class FakeWorker:
    """Answers at once, as the worker of either library; `failures` are by command and candidate."""

    def __init__(self, **failures: str):
        self.failures, self.asked = failures, []

    def ask(self, command: str, *, timeout: float, candidate: str = "", **_) -> dict:
        assert timeout > 0
        self.asked.append((command, candidate))
        if reason := self.failures.get(f"{command}_{candidate}"):
            raise WorkerFailed(reason)
        return {"steps": 2, "seconds": 1.0} if command == "round" else {}

    def send(self, command: str, **arguments) -> None:
        self.sent = command, arguments

    def receive(self, *, timeout: float) -> dict:
        command, arguments = self.sent
        return self.ask(command, timeout=timeout, **arguments)


def test_out_of_memory_is_not_tried_again_with_another_way_of_feeding():
    ours, peer = FakeWorker(prepare_lfw_jax_resident="out of memory"), FakeWorker()
    found = throughput._Turns(TOY, ours, peer, math.inf).measure(4, alone=False)
    assert [found[name] for name in ("lfw_jax_resident", "lfw_jax_host_jpeg")] == ["out of memory"] * 2
    assert ours.asked == [("prepare", "lfw_jax_resident")]
    assert len(found["torch_eager"]["turns"]) == TOY.rounds + 1


def test_a_peer_that_dies_while_it_compiles_keeps_the_turns_it_had():
    peer = FakeWorker(prepare_torch_compiled="over 65 s")
    turns = throughput._Turns(TOY, FakeWorker(), peer, math.inf)
    rows = {"torch_eager": {"turns": [{"steps": 2, "seconds": 1.0}]}}
    peer.failures["round_torch_eager"] = "the process ended with code -9"
    turns._round(rows)
    assert rows["torch_eager"]["stopped"] == "the process ended with code -9"
    figures = throughput._figures(rows["torch_eager"], 4, 10**9, {"teraflops_per_second": 1.0})
    assert figures["images_per_second"] == {"median": 8.0, "lowest": 8.0, "highest": 8.0}
    assert figures["share_of_peak"] == pytest.approx(0.008)


def test_no_further_batch_is_begun_when_the_time_is_over():
    ours = FakeWorker()
    turns = throughput._Turns(TOY, ours, FakeWorker(), -math.inf)
    turns._preparing["ours"] = 1.0
    assert set(turns.measure(4, alone=False).values()) == {"no time left"}
    assert not ours.asked


def test_resnet50_takes_the_published_4_09_billion_multiply_adds_at_224():
    forward = resnet_forward(224, **RESNET50, embedding_dim=1000, classes=0)
    assert forward / 2 == pytest.approx(4.09e9, rel=1e-3)


@pytest.mark.parametrize("side", [112, 50])
def test_operations_are_those_of_the_traced_network(side):
    network = ResNet(embedding_dim=128, **RESNET50)
    inputs = jax.ShapeDtypeStruct((1, side, side, 3), jnp.float32)
    variables = jax.eval_shape(lambda x: network.init(jax.random.key(0), x, train=False), inputs)
    traced = jax.make_jaxpr(lambda v, x: network.apply(v, x, train=False))(variables, inputs)
    counted = 0
    for equation in traced.jaxpr.eqns:
        left, right = (operand.aval.shape for operand in (*equation.invars, *equation.invars)[:2])
        if equation.primitive.name == "conv_general_dilated":
            counted += 2 * math.prod(equation.outvars[0].aval.shape) * math.prod(right[:3])
        elif equation.primitive.name == "dot_general":
            counted += 2 * math.prod(left) * right[-1]
    assert resnet_forward(side, **RESNET50, embedding_dim=128, classes=0) == counted
    assert resnet_step(side, **RESNET50, embedding_dim=128, classes=10) == 3 * (counted + 2 * 128 * 10)


def test_steps_fill_the_time_that_they_are_given():
    asked = []

    def run(steps: int) -> float:
        asked.append(steps)
        return 0.01 * steps

    assert timed_steps(run, 0.5) == (50, pytest.approx(0.5))
    assert asked == [2, 50]
    assert peak_teraflops(run, 1000, 0.1) == pytest.approx(0.2)
