"""Trained networks as ONNX models: from the pixels of stored squares to unit embeddings."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from lfw_jax.backends.backend import FittedBackend
from lfw_jax.backends.projection import Projection
from lfw_jax.errors import UserError
from lfw_jax.inference.embedder import crop_corners
from lfw_jax.inference.export.exportable import Exportable
from lfw_jax.inference.export.graph import Graph, Maps
from lfw_jax.inference.export.manifest import INPUT, OUTPUT, ExportManifest
from lfw_jax.inference.export.network_graphs import NETWORK_GRAPHS, network_graph
from lfw_jax.typed_json import to_json

OPSET = 17
"""The version of the operators, which runtimes of 2022 and later have."""

_IR_VERSION = 8  # of the file, the one of that opset
_GREY = 127.5


def check_onnx_packages() -> None:
    """Check that onnx and onnxruntime are installed.

    Raises:
      UserError: one of them is missing.
    """
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
    except ImportError as error:
        raise UserError(
            f"--output ends in .onnx, which needs {error.name}, which is not installed; run `pip install 'lfw-jax[export]'`."
        ) from error


def onnx_model(exported: Exportable) -> Any:
    """Return a trained network as an ONNX model with a symbolic batch, without a description.

    Args:
      exported: the exported system.

    Raises:
      UserError: the network has no graph.
    """
    from onnx import TensorProto, checker, helper

    if type(exported.network) not in NETWORK_GRAPHS:
        known = ", ".join(sorted(kind.__name__ for kind in NETWORK_GRAPHS))
        raise UserError(
            f"--output ends in .onnx, and the network is a {type(exported.network).__name__}; the networks with an ONNX graph "
            f"are {known}. Choose a name that ends in .stablehlo."
        )
    graph, side = Graph(), exported.embedder.geometry.stored_side
    images, count = _crops(graph, exported)
    vectors = network_graph(graph, exported.network, exported.embedder.variables, images)
    if count > 1:
        shape = graph.constant("crops.shape", np.array([count, -1, exported.embedder.embedding_dim], np.int64))
        axes = graph.constant("crops.axes", np.array([0], np.int64))
        of_crops = graph.add("Reshape", [vectors, shape], "embeddings.of_crops")
        vectors = graph.add("ReduceSum", [of_crops, axes], "embeddings.sum", keepdims=0)
    if exported.backend is not None:
        vectors = _backend(graph, exported.backend, vectors, exported.embedder.embedding_dim)
    graph.unit_length(vectors, OUTPUT)
    pixels = helper.make_tensor_value_info(INPUT, TensorProto.UINT8, ["batch", side, side, 3])
    embeddings = helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["batch", exported.dim])
    made = helper.make_graph(graph.nodes, exported.card.system.model["name"], [pixels], [embeddings], graph.constants)
    model = helper.make_model(
        made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=_IR_VERSION, producer_name="lfw_jax"
    )
    checker.check_model(model, full_check=True)
    return model


def described(model: Any, manifest: ExportManifest) -> Any:
    """Return an ONNX model with its manifest as metadata.

    There is one property per key, in JSON where it is not text.

    Args:
      model: the model.
      manifest: its description.
    """
    from onnx import helper

    content = to_json(manifest)
    helper.set_model_props(
        model, {name: value if isinstance(value, str) else json.dumps(value) for name, value in content.items()}
    )
    return model


def run_onnx(path: Path, squares: UInt8[np.ndarray, "images stored stored 3"]) -> Float[np.ndarray, "images dim"]:
    """Return the unit embeddings by an ONNX file, on the CPU.

    Args:
      path: the file.
      squares: stored squares, at least one.
    """
    return np.asarray(onnx_session(path).run([OUTPUT], {INPUT: squares})[0])


def onnx_session(path: Path, *, threads: int = 0) -> Any:
    """Return an onnxruntime session on the CPU.

    Args:
      path: an ONNX file.
      threads: number of threads; 0 for one per core.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])


def _crops(graph: Graph, exported: Exportable) -> tuple[Maps, int]:
    """Add the crops of test-time augmentation, one after another in the batch; return them and their number."""
    embedder = exported.embedder
    side, stored = embedder.geometry.side, embedder.geometry.stored_side
    grey = graph.constant("pixels.grey", np.array(_GREY))
    pixels = graph.add("Cast", [INPUT], "pixels.float", to=1)
    pixels = graph.add("Transpose", [pixels], "pixels.channels_first", perm=[0, 3, 1, 2])
    pixels = graph.add("Div", [graph.add("Sub", [pixels, grey], "pixels.centred"), grey], "pixels")
    names = []
    for number, (top, left) in enumerate(crop_corners(embedder.geometry.margin, embedder.shift)):
        whole = (top, left, side) == (0, 0, stored)
        names.append(pixels if whole else _slice(graph, pixels, f"crop{number}", [top, left], side))
    if embedder.flip:
        names += [_mirrored(graph, name, f"mirror{number}") for number, name in enumerate(names)]
    crops = graph.add("Concat", names, "crops", axis=0) if len(names) > 1 else names[0]
    return Maps(crops, 3, side, side), len(names)


def _slice(graph: Graph, pixels: str, name: str, start: list[int], side: int) -> str:
    bounds = {"starts": start, "ends": [place + side for place in start], "axes": [2, 3]}
    constants = [graph.constant(f"{name}.{key}", np.array(values, np.int64)) for key, values in bounds.items()]
    return graph.add("Slice", [pixels, *constants], name)


def _mirrored(graph: Graph, pixels: str, name: str) -> str:
    bounds = {"starts": -1, "ends": np.iinfo(np.int64).min, "axes": 3, "steps": -1}
    constants = [graph.constant(f"{name}.{key}", np.array([value], np.int64)) for key, value in bounds.items()]
    return graph.add("Slice", [pixels, *constants], name)


def _backend(graph: Graph, backend: FittedBackend, vectors: str, dim: int) -> str:
    """Add the directions of a backend, without the last scaling to length 1."""
    if backend.projection is not None:
        vectors = _projected(graph, backend.projection, vectors, "backend.projection")
        dim = backend.projection.matrix.shape[1]
    if backend.unit_length:
        root = graph.constant("backend.root", np.array(dim**0.5))
        vectors = graph.add("Mul", [graph.unit_length(vectors, "backend.unit"), root], "backend.scaled")
    if isinstance(backend.model, Projection):
        return _projected(graph, backend.model, vectors, "backend.model")
    if backend.model is None:
        return vectors
    score = backend.model.score
    matrix = score.basis * np.sqrt(score.ratios / (1 + 2 * score.ratios))
    return graph.dense(vectors, matrix, "backend.model", bias=-score.mean @ matrix)


def _projected(graph: Graph, projection: Projection, vectors: str, name: str) -> str:
    if projection.root:
        vectors = graph.add("Sqrt", [vectors], f"{name}.root")
    matrix = np.asarray(projection.matrix, np.float64)
    return graph.dense(vectors, matrix, name, bias=-np.asarray(projection.mean, np.float64) @ matrix)
