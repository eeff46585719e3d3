"""An ONNX graph under construction, and the layers that networks consist of."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float, Shaped

_EPSILON = 1e-5  # of flax.linen.BatchNorm

Kernel = Float[np.ndarray, "k k in out"]


@dataclasses.dataclass(frozen=True)
class Maps:
    """Feature maps of the graph, `[batch, channels, height, width]`.

    Attributes:
      name: name of the tensor.
      channels: number of channels.
      height: height in pixels.
      width: width in pixels.
    """

    name: str
    channels: int
    height: int
    width: int


@dataclasses.dataclass(frozen=True)
class Affine:
    """The map `x ↦ scale · x + shift` per channel.

    Attributes:
      scale: one factor per channel.
      shift: one summand per channel.
    """

    scale: Float[np.ndarray, "channels"]
    shift: Float[np.ndarray, "channels"]


def batch_norm(statistics: Mapping[str, Any], parameters: Mapping[str, Any] | None) -> Affine:
    """Return batch normalisation by its running statistics.

    Args:
      statistics: `mean` and `var` of the layer.
      parameters: `scale` and `bias` of the layer; None for a layer without them.
    """
    mean, variance = (np.asarray(statistics[name], np.float64) for name in ("mean", "var"))
    scale = 1 / np.sqrt(variance + _EPSILON)
    if parameters is None:
        return Affine(scale, -mean * scale)
    scale = scale * np.asarray(parameters["scale"], np.float64)
    return Affine(scale, np.asarray(parameters["bias"], np.float64) - mean * scale)


class Graph:
    """The nodes and constants of an ONNX graph, in the order of the computation.

    A node has the name of its output. Batch normalisation becomes part of the layer before it.

    Attributes:
      nodes: the nodes.
      constants: the constant tensors.
    """

    def __init__(self):
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def add(self, operator: str, inputs: list[str], name: str, **attributes: Any) -> str:
        """Add a node and return its name, which is that of its output.

        Args:
          operator: its operator.
          inputs: the names of its inputs.
          name: its name.
          **attributes: its attributes.
        """
        from onnx import helper

        self.nodes.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        return name

    def constant(self, name: str, values: Shaped[np.ndarray, "..."]) -> str:
        """Add a constant and return its name. Floats are stored in float32.

        Args:
          name: its name.
          values: its values.
        """
        from onnx import numpy_helper

        stored = values.astype(np.float32) if np.issubdtype(values.dtype, np.floating) else values
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(stored), name))
        return name

    def convolution(
        self,
        maps: Maps,
        kernel: Kernel,
        name: str,
        *,
        stride: int = 1,
        norm: Affine | None = None,
        bias: Float[np.ndarray, "out"] | None = None,
    ) -> Maps:
        """Add a convolution with zero padding as Flax's "SAME" divides it.

        Args:
          maps: its input.
          kernel: its kernel.
          name: its name.
          stride: its stride along both axes.
          norm: the batch normalisation after it.
          bias: its bias.
        """
        size, channels = kernel.shape[0], kernel.shape[-1]
        values, shift = np.asarray(kernel, np.float64), np.zeros(channels) if bias is None else np.asarray(bias)
        if norm is not None:
            values, shift = values * norm.scale, shift * norm.scale + norm.shift
        inputs = [
            maps.name,
            self.constant(f"{name}.kernel", values.transpose(3, 2, 0, 1)),
            self.constant(f"{name}.bias", shift),
        ]
        window = _same(maps, size, stride)
        self.add("Conv", inputs, name, kernel_shape=[size, size], strides=[stride, stride], pads=window)
        return Maps(name, channels, math.ceil(maps.height / stride), math.ceil(maps.width / stride))

    def pool(self, operator: str, maps: Maps, name: str, *, size: int, stride: int, same: bool = False) -> Maps:
        """Add a pooling of windows.

        Args:
          operator: "MaxPool" or "AveragePool".
          maps: its input.
          name: its name.
          size: side of the window.
          stride: stride along both axes.
          same: true for Flax's padding "SAME", false for none.
        """
        pads = _same(maps, size, stride) if same else [0, 0, 0, 0]
        self.add(operator, [maps.name], name, kernel_shape=[size, size], strides=[stride, stride], pads=pads)
        height, width = (
            math.ceil(length / stride) if same else (length - size) // stride + 1
            for length in (maps.height, maps.width)
        )
        return Maps(name, maps.channels, height, width)

    def relu(self, maps: Maps, name: str) -> Maps:
        """Add a rectified linear unit.

        Args:
          maps: its input.
          name: its name.
        """
        return dataclasses.replace(maps, name=self.add("Relu", [maps.name], name))

    def sum_relu(self, one: Maps, other: Maps, name: str) -> Maps:
        """Add the sum of a residual branch and its shortcut, and a rectified linear unit.

        Args:
          one: the shortcut.
          other: the branch.
          name: the name of the result.
        """
        return self.relu(dataclasses.replace(one, name=self.add("Add", [one.name, other.name], f"{name}.sum")), name)

    def flatten(self, maps: Maps, name: str) -> str:
        """Add the flattening of feature maps to `[batch, channels · height · width]`.

        Args:
          maps: its input.
          name: its name.
        """
        return self.add("Flatten", [maps.name], name, axis=1)

    def dense(
        self,
        vectors: str,
        kernel: Float[np.ndarray, "in out"],
        name: str,
        *,
        norm: Affine | None = None,
        bias: Float[np.ndarray, "out"] | None = None,
    ) -> str:
        """Add a linear layer.

        Args:
          vectors: its input, `[batch, in]`.
          kernel: its matrix.
          name: its name.
          norm: the batch normalisation after it.
          bias: its bias.
        """
        values, shift = np.asarray(kernel, np.float64), np.zeros(kernel.shape[1]) if bias is None else np.asarray(bias)
        if norm is not None:
            values, shift = values * norm.scale, shift * norm.scale + norm.shift
        inputs = [vectors, self.constant(f"{name}.kernel", values), self.constant(f"{name}.bias", shift)]
        return self.add("Gemm", inputs, name)

    def unit_length(self, vectors: str, name: str) -> str:
        """Add the scaling of vectors to length 1. A vector of zeros stays zero.

        Args:
          vectors: its input, `[batch, dim]`.
          name: its name.
        """
        length = self.add("ReduceL2", [vectors], f"{name}.length", axes=[1], keepdims=1)
        least = self.constant(f"{name}.least", np.array(np.finfo(np.float32).tiny))
        return self.add("Div", [vectors, self.add("Max", [length, least], f"{name}.positive")], name)


def channels_first(kernel: Float[np.ndarray, "in out"], maps: Maps) -> Float[np.ndarray, "in out"]:
    """Return the matrix of a linear layer after a flattening whose rows are in the order of ONNX.

    Flax flattens `[height, width, channels]`, ONNX `[channels, height, width]`.

    Args:
      kernel: the matrix of Flax.
      maps: the flattened feature maps.
    """
    values = np.asarray(kernel)
    return values.reshape(maps.height, maps.width, maps.channels, -1).transpose(2, 0, 1, 3).reshape(values.shape)


def _same(maps: Maps, size: int, stride: int) -> list[int]:
    """Return the padding before both axes and after both, as Flax's "SAME" divides it."""
    missing = [max((math.ceil(side / stride) - 1) * stride + size - side, 0) for side in (maps.height, maps.width)]
    return [pixels // 2 for pixels in missing] + [pixels - pixels // 2 for pixels in missing]
