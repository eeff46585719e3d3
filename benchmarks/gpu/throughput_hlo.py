"""The operations of a compiled XLA program, by kind and by part of the training step."""

import collections
import dataclasses
import re
from collections.abc import Iterable, Mapping

CONVOLUTION, MATRIX, BATCH_NORM, REDUCTION = (
    "convolutions",
    "matrix products",
    "batch-norm reductions",
    "other reductions",
)
ELEMENTWISE, POOLING, COPY, OPTIMISER = "element-wise fusions", "pooling", "copies and transposes", "optimiser"
COLLECTIVE, OTHER, IDLE = "collectives", "other", "idle"

RESOURCES: Mapping[str, tuple[str, ...]] = {
    "arithmetic": (CONVOLUTION, MATRIX),
    "memory_traffic": (BATCH_NORM, REDUCTION, ELEMENTWISE, POOLING, COPY, OPTIMISER),
    "idle": (IDLE,),
    "other": (COLLECTIVE, OTHER),
}
"""The usual bound of each kind of operation: a residual network's matrix products and convolutions are bound by
arithmetic (the first stage's less so), everything else by memory bandwidth."""

_STAGES = (
    "select_batch", "augmentation", "network, forward", "objective, forward", "objective, backward", "network, backward",
    "optimiser",
)  # fmt: skip
SCOPES = ("select_batch", "augmentation", "network", "objective", "optimiser")
"""The named scopes of lfw_jax.training."""

_MOVES = {
    "bitcast", "broadcast", "call", "concatenate", "constant", "convert", "copy", "copy-done", "copy-start",
    "dynamic-slice", "dynamic-update-slice", "fusion", "gather", "get-tuple-element", "pad", "parameter", "reshape",
    "reverse", "slice", "transpose", "tuple",
}  # fmt: skip
_COLLECTIVES = ("all-gather", "all-reduce", "all-to-all", "collective-permute", "reduce-scatter")

# A type ends where " opcode(" begins; a tuple's type has spaces, but none before a name that is called.
_INSTRUCTION = re.compile(r"^\s+(?:ROOT )?%?([\w.\-]+) = .*?\s([a-z][\w\-]*)\(")
_COMPUTATION = re.compile(r"^(?:ENTRY )?%?([\w.\-]+) \(.*\{$")
_CALLS = re.compile(r"(?:calls|to_apply|body|called_computations=\{)=?%?([\w.\-]+)")
_OP_NAME = re.compile(r'op_name="([^"]*)"')
_OPERAND = re.compile(r"%([\w.\-]+)")
_TARGET = re.compile(r'custom_call_target="([^"]*)"')

# Names of kernels that come from cuDNN, cuBLAS and the driver, in the order in which they are tried.
_KERNELS = (
    (COPY, re.compile(r"nchwtonhwc|nhwctonchw|tensortransform|transpose|copy|memcpy|memset", re.I)),
    (CONVOLUTION, re.compile(r"conv|[fdw](prop|grad)|implicit_gemm|winograd", re.I)),
    (MATRIX, re.compile(r"gemm|cublas|cutlass|nvjet|matmul|splitk", re.I)),
    (REDUCTION, re.compile(r"reduc", re.I)),
)


@dataclasses.dataclass(frozen=True)
class Operation:
    """An instruction that runs as one piece of work.

    Attributes:
      name: its name in the program; "" for a kernel that no instruction is known for.
      kind: one of the kinds above.
      scope: the part of the step: "network, forward", "optimiser", …; where XLA kept no name that says so, that of its
        neighbours; else "elsewhere".
      source: the operation in the traced program that it stands for, as JAX names it.
    """

    name: str
    kind: str
    scope: str = "elsewhere"
    source: str = ""


@dataclasses.dataclass(frozen=True)
class Program:
    """The operations of a compiled program.

    Attributes:
      module: name of the program.
      operations: by instruction name, as it is and as a GPU kernel is named after it.
    """

    module: str
    operations: Mapping[str, Operation]

    def find(self, kernel: str, instruction: str) -> Operation:
        """Return the operation of a kernel; by the kernel's name where nothing else is known.

        A kernel of XLA's own bears the name of its fusion. That is looked up first: in a CUDA graph the instruction that
        the trace names is the graph's.
        """
        own = re.sub(r"__\d+$", "", kernel)
        kind = next((kind for kind, pattern in _KERNELS if pattern.search(kernel)), OTHER)
        for name in (own, instruction):
            if found := self.operations.get(name):
                # Layouts that cuDNN changes for a convolution are copies, whatever asked for them.
                return dataclasses.replace(found, kind=COPY) if kind == COPY and name != own else found
        return Operation("", kind)


@dataclasses.dataclass(frozen=True)
class _Line:
    name: str
    opcode: str
    text: str

    def op_name(self) -> str:
        found = _OP_NAME.search(self.text)
        return found[1] if found else ""


def read_program(text: str) -> Program:
    """Return the operations of a program in XLA's text form (`compiled.as_text()`)."""
    module = re.match(r"HloModule ([\w.\-]+)", text)
    computations: dict[str, list[_Line]] = {}
    lines: list[_Line] = []
    for row in text.splitlines():
        if head := _COMPUTATION.match(row):
            lines = computations.setdefault(head[1], [])
        elif found := _INSTRUCTION.match(row):
            lines.append(_Line(found[1], found[2], row))
    # A CUDA graph is not an operation; its contents are.
    every = [line for lines in computations.values() for line in lines if "to_apply=%command_buffer" not in line.text]
    operations = {line.name: _operation(line, list(_within(line, computations))) for line in every}
    for _ in range(3):  # a layout copy of a convolution's operand has none but copies beside it
        operations |= _placed_by_neighbours(operations, every)
    by_kernel = {re.sub(r"[.\-]", "_", name): operation for name, operation in operations.items()}
    return Program(module[1] if module else "", by_kernel | operations)


def _placed_by_neighbours(operations: Mapping[str, Operation], lines: Iterable[_Line]) -> dict[str, Operation]:
    """Return operations without a name of their own, assigned to a part of the step by their neighbours."""
    reads: dict[str, list[int]] = collections.defaultdict(list)
    read_by: dict[str, list[int]] = collections.defaultdict(list)
    for line in lines:
        for operand in _OPERAND.findall(line.text.partition("metadata=")[0]):
            if operand == line.name or operand not in operations:
                continue
            if (stage := operations[operand].scope) in _STAGES:
                reads[line.name].append(_STAGES.index(stage))
            if (stage := operations[line.name].scope) in _STAGES:
                read_by[operand].append(_STAGES.index(stage))
    placed = {}
    for name, operation in operations.items():
        if operation.scope == "elsewhere" and (reads[name] or read_by[name]):
            latest = min(read_by[name], default=len(_STAGES) - 1)
            # A gradient is read by the optimiser, but belongs to the part that made what it is made of.
            stage = max(reads[name]) if latest == len(_STAGES) - 1 and reads[name] else latest
            placed[name] = dataclasses.replace(operation, scope=_STAGES[stage])
    return placed


def _within(line: _Line, computations: Mapping[str, list[_Line]]) -> Iterable[_Line]:
    """Return the instruction and, for a fusion or call, the instructions in it."""
    yield line
    if line.opcode in ("fusion", "call", "while", "async-start"):
        for name in _CALLS.findall(line.text):
            for inner in computations.get(name, ()):
                yield from _within(inner, computations)


def _operation(line: _Line, parts: list[_Line]) -> Operation:
    scopes = collections.Counter(scope for part in parts if (scope := scope_of(part.op_name())) != "elsewhere")
    scope = scope_of(line.op_name())
    if scope == "elsewhere" and scopes:
        scope = scopes.most_common(1)[0][0]
    source = line.op_name() or next((part.op_name() for part in reversed(parts) if part.op_name()), "")
    return Operation(line.name, OPTIMISER if scope == "optimiser" else _kind(parts), scope, source)


def _kind(parts: list[_Line]) -> str:
    opcodes = {part.opcode for part in parts}
    targets = " ".join(found[1] for part in parts if (found := _TARGET.search(part.text))).lower()
    if "convolution" in opcodes or "conv" in targets:
        return CONVOLUTION
    if "dot" in opcodes or re.search("gemm|matmul|cublas", targets):
        return MATRIX
    if any(opcode.startswith(_COLLECTIVES) for opcode in opcodes):
        return COLLECTIVE
    if opcodes & {"reduce-window", "select-and-scatter"}:
        return POOLING
    if "reduce" in opcodes:
        normalises = any("BatchNorm" in part.op_name() for part in parts if part.opcode == "reduce")
        return BATCH_NORM if normalises else REDUCTION
    moves = opcodes & {"copy", "transpose", "gather", "pad", "concatenate", "slice", "dynamic-slice"}
    return COPY if moves and opcodes <= _MOVES else ELEMENTWISE


def scope_of(op_name: str) -> str:
    """Return the part of a training step in which an operation was traced, from its name in JAX."""
    for part in op_name.split("/"):
        inner = re.sub(r"^(?:\w+\()*|\)*$", "", part)
        if inner in SCOPES:
            if inner in ("network", "objective"):
                return f"{inner}, {'backward' if 'transpose(' in part else 'forward'}"
            return inner
    return "elsewhere"
