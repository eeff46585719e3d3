"""What a trace says of a step: kinds of operations, parts of the step, time in which nothing runs."""

import re
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from benchmarks.gpu import trace
from benchmarks.gpu.throughput_hlo import (
    BATCH_NORM,
    CONVOLUTION,
    COPY,
    ELEMENTWISE,
    MATRIX,
    OPTIMISER,
    OTHER,
    SCOPES,
    Program,
    read_program,
    scope_of,
)
from benchmarks.gpu.trace import Event, measure_trace, summarise

# Lines as XLA writes them for a GPU, shortened.
GPU_PROGRAM = """HloModule jit__fun, is_scheduled=true

%fused_statistics (param_0: bf16[256,56,56,64]) -> f32[64] {
  %param_0 = bf16[256,56,56,64]{3,2,1,0} parameter(0)
  %convert.1 = f32[256,56,56,64]{3,2,1,0} convert(%param_0)
  ROOT %reduce.7 = f32[64]{0} reduce(%convert.1), to_apply=%add, \
    metadata={op_name="jit(_fun)/jvp(network)/ResNet/BatchNorm_0/reduce_sum"}
}

%fused_adam (param_0.1: f32[64]) -> f32[64] {
  %param_0.1 = f32[64]{0} parameter(0)
  ROOT %multiply.3 = f32[64]{0} multiply(%param_0.1, %param_0.1), \
    metadata={op_name="jit(_fun)/optimiser/mul"}
}

%gemm_computation (param_0.2: bf16[64,64]) -> bf16[64,64] {
  %param_0.2 = bf16[64,64]{1,0} parameter(0)
  ROOT %dot.1 = bf16[64,64]{1,0} dot(%param_0.2, %param_0.2), \
    metadata={op_name="jit(_fun)/transpose(jvp(network))/ResNet/Dense_0/dot_general"}
}

%fused_transpose (param_0.3: f32[64,32]) -> bf16[32,64] {
  %param_0.3 = f32[64,32]{1,0} parameter(0)
  %transpose.2 = f32[32,64]{1,0} transpose(%param_0.3), dimensions={1,0}
  ROOT %convert.2 = bf16[32,64]{1,0} convert(%transpose.2)
}

%command_buffer (p.9: f32[64]) -> f32[64] {
  %p.9 = f32[64]{0} parameter(0)
  %loop_multiply_fusion.12 = f32[64]{0} fusion(%p.9), kind=kLoop, calls=%fused_adam, \
    metadata={op_name="jit(_fun)/optimiser/mul"}
  ROOT %input_reduce_fusion = f32[64]{0} fusion(%p.9), kind=kInput, calls=%fused_statistics
}

ENTRY %main (p: bf16[256,56,56,64]) -> f32[64] {
  %p = bf16[256,56,56,64]{3,2,1,0} parameter(0)
  %cudnn-conv.3 = (bf16[256,56,56,64]{3,2,1,0}, u8[0]{0}) custom-call(%p, %p), window={size=3x3 pad=1_1x1_1}, \
    custom_call_target="__cudnn$convForward", \
    metadata={op_name="jit(_fun)/jvp(network)/ResNet/Conv_0/conv_general_dilated"}, backend_config={"a":"b"}
  %gemm_fusion_dot.5 = bf16[64,64]{1,0} fusion(%p), kind=kCustom, calls=%gemm_computation
  %custom-call.8 = (bf16[64,64]{1,0}, s8[4096]{0}) custom-call(%p, %p), custom_call_target="__cublas$lt$matmul", \
    metadata={op_name="jit(_fun)/jvp(objective)/dot_general"}
  %transpose_fusion = bf16[32,64]{1,0} fusion(%gemm_fusion_dot.5), kind=kInput, calls=%fused_transpose
  ROOT %call.1 = f32[64]{0} call(%p), to_apply=%command_buffer
}
"""


def test_the_kinds_of_a_gpu_programs_operations():
    program = read_program(GPU_PROGRAM)
    kinds = {name: program.operations[name].kind for name in ("cudnn-conv.3", "gemm_fusion_dot.5", "custom-call.8")}
    assert kinds == {"cudnn-conv.3": CONVOLUTION, "gemm_fusion_dot.5": MATRIX, "custom-call.8": MATRIX}
    assert program.operations["input_reduce_fusion"].kind == BATCH_NORM
    assert program.operations["transpose_fusion"].kind == COPY
    assert program.operations["multiply.3"].kind == OPTIMISER
    assert program.operations["convert.1"].kind == ELEMENTWISE
    assert "call.1" not in program.operations  # a CUDA graph


def test_an_operation_without_a_name_lies_where_its_parts_or_neighbours_do():
    operations = read_program(GPU_PROGRAM).operations
    assert operations["gemm_fusion_dot.5"].scope == "network, backward"
    assert operations["transpose_fusion"].scope == "network, backward"


@pytest.mark.parametrize(
    ("kernel", "instruction", "name", "kind"),
    [
        ("loop_multiply_fusion_12", "call.1", "loop_multiply_fusion.12", OPTIMISER),  # in a graph
        ("loop_multiply_fusion_12__1", "", "loop_multiply_fusion.12", OPTIMISER),  # the same fusion once more
        ("sm90_xmma_fprop_implicit_gemm_bf16", "cudnn-conv.3", "cudnn-conv.3", CONVOLUTION),
        ("void cudnn::nchwToNhwcKernel<…>", "cudnn-conv.3", "cudnn-conv.3", COPY),
        ("sm90_xmma_wgrad_implicit_gemm_bf16", "call.1", "", CONVOLUTION),
        ("nvjet_hsh_128x256_64x4_2x1_v_bz", "call.1", "", MATRIX),
        ("MemcpyD2D", "", "", COPY),
        ("something_new", "", "", OTHER),
    ],
)
def test_a_kernel_is_found_by_its_own_name_first(kernel, instruction, name, kind):
    found = read_program(GPU_PROGRAM).find(kernel, instruction)
    assert (found.name, found.kind) == (name, kind)


@pytest.mark.parametrize(
    ("op_name", "scope"),
    [
        ("jit(_fun)/jvp(network)/ResNet/Conv_0/conv_general_dilated", "network, forward"),
        ("jit(_fun)/transpose(jvp(network))/ResNet/add_any", "network, backward"),
        ("jit(_fun)/optimiser/mul;jit(_fun)/shard_map", "optimiser"),
        ("jit(_fun)/augmentation/vmap()/mul", "augmentation"),
        ("jit(network_of)/mul", "elsewhere"),
    ],
)
def test_the_part_of_the_step_is_its_named_scope(op_name, scope):
    assert scope_of(op_name) == scope


def test_the_scopes_are_those_of_the_training_step():
    folder = Path(__file__).parents[2] / "lfw_jax" / "training"
    named = {name for path in folder.rglob("*.py") for name in re.findall(r'named_scope\("(\w+)"\)', path.read_text())}
    assert named == set(SCOPES)


def event(start: float, duration: float, kernel: str = "k", line: str = "Stream #1") -> Event:
    return Event(1e6 * start, 1e6 * duration, kernel, "", "", line)


def test_time_that_no_stream_is_busy_is_idle():
    events = [event(0, 2), event(1, 2, line="Stream #2"), event(5, 1)]
    found = summarise(events, Program("", {}), 2)
    assert found["window_milliseconds_per_step"] == pytest.approx(3)
    assert found["idle_share_of_window"] == pytest.approx(2 / 6)
    assert found["by_kind"]["idle"] == pytest.approx({"milliseconds_per_step": 1.0, "share": 2 / 7})
    assert found["operation_milliseconds_per_step"] == pytest.approx(2.5)


def test_what_runs_inside_another_operation_counts_once():
    events = [event(0, 10, "loop"), event(1, 2, "body"), event(4, 3, "body"), event(20, 1, "after")]
    found = summarise(events, Program("", {}), 1)
    times = {row["name"]: (row["milliseconds"], row["calls"]) for row in found["operations"]}
    assert times == {"loop": (5, 1), "body": (5, 2), "after": (1, 1)}
    assert found["share_without_known_instruction"] == 1


def test_kernels_of_a_stream_that_overlap_share_the_time():
    found = summarise([event(0, 4, "first"), event(3, 4, "second")], Program("", {}), 1)
    assert {row["name"]: row["milliseconds"] for row in found["operations"]} == {"first": 3, "second": 4}
    assert found["operation_milliseconds_per_step"] == found["window_milliseconds_per_step"] == 7


def test_a_trace_without_operations_is_refused():
    with pytest.raises(ValueError, match="no operation"):
        summarise([], Program("", {}), 1)


@pytest.fixture(scope="module")
def small_trace(tmp_path_factory) -> dict:
    return trace_of(tmp_path_factory.mktemp("trace"))


def trace_of(folder) -> dict:
    def step(images, kernel):
        with jax.named_scope("network"):
            y = jax.lax.conv_general_dilated(images, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        with jax.named_scope("objective"):
            return jnp.sum(y.reshape(len(y), -1) @ y.reshape(len(y), -1).T)

    lowered = jax.jit(jax.grad(step, 1)).lower(jnp.ones((8, 16, 16, 8)), jnp.ones((3, 3, 8, 16)))
    compiled = lowered.compile()

    def run(other, steps):
        for _ in range(steps):
            jax.block_until_ready((other or compiled)(jnp.ones((8, 16, 16, 8)), jnp.ones((3, 3, 8, 16))))
        return 0.0

    return measure_trace(compiled, lowered, run, folder, steps=3, without_graphs=True)


def test_an_xla_that_does_not_know_the_option_still_gives_the_trace_as_it_trains(tmp_path, monkeypatch):
    monkeypatch.setattr(trace, "_NO_GRAPHS", {"xla_no_such_option": ""})
    found = trace_of(tmp_path)
    assert found["cuda_graphs"] is True
    assert "xla_no_such_option" in found["note"]
    assert found["files"] == ["trace.json.gz"]
    assert found["by_kind"][CONVOLUTION]["share"] > 0


def test_a_real_trace_shows_every_call_of_a_step(small_trace):
    named = {row["name"]: row for row in small_trace["operations"]}
    convolutions = [row for row in named.values() if row["kind"] == CONVOLUTION]
    assert convolutions
    assert all(row["calls"] % 3 == 0 for row in convolutions)
    assert all(row["scope"].startswith("network") for row in convolutions)
    assert small_trace["by_kind"][CONVOLUTION]["share"] > 0


def test_the_second_trace_is_of_the_compilation_without_graphs(small_trace):
    assert small_trace["files"] == ["trace.json.gz", "trace_without_graphs.json.gz"]
    assert small_trace["cuda_graphs"] is False
    assert 0 <= small_trace["as_it_trains"]["idle_share_of_window"] < 1
