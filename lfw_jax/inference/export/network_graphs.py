"""The networks of `lfw_jax.models` as ONNX graphs, in inference mode.

Each function repeats the layers of one network in the order of its `__call__`; the check after every export compares both.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from flax import linen as nn

from lfw_jax.inference.export.graph import Affine, Graph, Maps, batch_norm, channels_first
from lfw_jax.models.patch_resnet import PatchResNet
from lfw_jax.models.resnet import ResNet
from lfw_jax.models.siamese import SiameseCNN

Variables = Mapping[str, Any]
"""`params` and `batch_stats` of a network, or of a part of it."""


def network_graph(graph: Graph, network: nn.Module, variables: Variables, images: Maps) -> str:
    """Add a network to a graph and return the name of its raw embeddings, `[batch, dim]`.

    Args:
      graph: the graph.
      network: the network.
      variables: its variables.
      images: the images, in [-1, 1].

    Raises:
      KeyError: the network has no graph.
    """
    return NETWORK_GRAPHS[type(network)](graph, network, variables, images)


def _patch_resnet(graph: Graph, network: PatchResNet, variables: Variables, images: Maps) -> str:
    params = variables["params"]
    stem = _norm(variables, "BatchNorm_0")
    maps = graph.convolution(images, _array(params["Conv_0"]["kernel"]), "stem", stride=4, norm=stem)
    maps, width = graph.relu(maps, "stem.relu"), network.features[0]
    for index, features in enumerate(network.features):
        block = _part(variables, f"BasicBlock_{index}")
        maps = _basic_block(graph, block, maps, f"block{index + 1}", stride=2 if features > width else 1)
        width = features
    kernel = channels_first(_array(params["embedding"]["kernel"]), maps)
    norm = _norm(variables, "embedding_norm") if network.embedding_norm else None
    return graph.dense(graph.flatten(maps, "features"), kernel, "embedding", norm=norm)


def _basic_block(graph: Graph, block: Variables, maps: Maps, name: str, *, stride: int) -> Maps:
    params = block["params"]
    kernels = [_array(params[layer]["kernel"]) for layer in ("conv1", "conv2")]
    first = graph.convolution(maps, kernels[0], f"{name}.conv1", stride=stride, norm=_norm(block, "BatchNorm_0"))
    first = graph.relu(first, f"{name}.relu1")
    second = graph.convolution(first, kernels[1], f"{name}.conv2", norm=_norm(block, "BatchNorm_1"))
    if "Dense_0" in params:
        if stride > 1:
            maps = graph.pool("AveragePool", maps, f"{name}.pool", size=stride, stride=stride)
        kernel = _pointwise(params["Dense_0"]["kernel"])
        maps = graph.convolution(maps, kernel, f"{name}.shortcut", norm=_norm(block, "BatchNorm_2"))
    return graph.sum_relu(maps, second, name)


def _resnet(graph: Graph, network: ResNet, variables: Variables, images: Maps) -> str:
    params = variables["params"]
    stem = _norm(variables, "BatchNorm_0")
    maps = graph.convolution(images, _array(params["Conv_0"]["kernel"]), "stem", stride=2, norm=stem)
    maps = graph.relu(maps, "stem.relu")
    maps = graph.pool("MaxPool", maps, "stem.pool", size=3, stride=2, same=True)
    index = 0
    for stage, blocks in enumerate(network.stages):
        for block in range(blocks):
            stride = 2 if stage > 0 and block == 0 else 1
            part = _part(variables, f"Bottleneck_{index}")
            maps = _bottleneck(graph, part, maps, f"stage{stage + 1}.block{block + 1}", stride=stride)
            index += 1
    graph.add("GlobalAveragePool", [maps.name], "mean")
    features = graph.add("Flatten", ["mean"], "features", axis=1)
    if not network.embedding_norm:
        return _linear(graph, features, params["embedding"], "embedding")
    kernel = _array(params["embedding"]["kernel"])
    return graph.dense(features, kernel, "embedding", norm=_norm(variables, "embedding_norm"))


def _bottleneck(graph: Graph, block: Variables, maps: Maps, name: str, *, stride: int) -> Maps:
    params, norms = block["params"], [_norm(block, f"BatchNorm_{index}") for index in range(3)]
    kernels = [_pointwise(params["Dense_0"]["kernel"]), _array(params["Conv_0"]["kernel"])]
    inner = graph.relu(graph.convolution(maps, kernels[0], f"{name}.conv1", norm=norms[0]), f"{name}.relu1")
    inner = graph.convolution(inner, kernels[1], f"{name}.conv2", stride=stride, norm=norms[1])
    inner = graph.relu(inner, f"{name}.relu2")
    inner = graph.convolution(inner, _pointwise(params["Dense_1"]["kernel"]), f"{name}.conv3", norm=norms[2])
    if "Dense_2" in params:
        kernel, norm = _pointwise(params["Dense_2"]["kernel"]), _norm(block, "BatchNorm_3")
        maps = graph.convolution(maps, kernel, f"{name}.shortcut", stride=stride, norm=norm)
    return graph.sum_relu(maps, inner, name)


def _siamese(graph: Graph, network: SiameseCNN, variables: Variables, images: Maps) -> str:
    params, maps = variables["params"], images
    for index in range(len(network.features)):
        layer, name = params[f"Conv_{index}"], f"conv{index + 1}"
        maps = graph.convolution(maps, _array(layer["kernel"]), name, bias=_array(layer["bias"]))
        maps = graph.pool("MaxPool", graph.relu(maps, f"{name}.relu"), f"{name}.pool", size=2, stride=2)
    hidden = {"kernel": channels_first(_array(params["Dense_0"]["kernel"]), maps), "bias": params["Dense_0"]["bias"]}
    vectors = _linear(graph, graph.flatten(maps, "features"), hidden, "hidden")
    return _linear(graph, graph.add("Relu", [vectors], "hidden.relu"), params["embedding"], "embedding")


NETWORK_GRAPHS: dict[type[nn.Module], Callable[..., str]] = {
    PatchResNet: _patch_resnet,
    ResNet: _resnet,
    SiameseCNN: _siamese,
}
"""The networks that have a graph, by their class."""


def _linear(graph: Graph, vectors: str, layer: Mapping[str, Any], name: str) -> str:
    return graph.dense(vectors, _array(layer["kernel"]), name, bias=_array(layer["bias"]))


def _part(variables: Variables, name: str) -> Variables:
    return {kind: variables[kind].get(name, {}) for kind in ("params", "batch_stats")}


def _norm(variables: Variables, name: str) -> Affine:
    return batch_norm(variables["batch_stats"][name], variables["params"].get(name))


def _pointwise(kernel: Any) -> np.ndarray:
    """Return the matrix of a linear layer of every pixel as the kernel of a 1×1 convolution."""
    return _array(kernel)[None, None]


def _array(values: Any) -> np.ndarray:
    return np.asarray(values)
