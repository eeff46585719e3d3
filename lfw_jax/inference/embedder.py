"""The embedder: a trained network that embeds images, without its training data or optimiser."""

import dataclasses
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jaxtyping import Array, Float, PyTree, UInt8

from lfw_jax.augmentation import to_unit
from lfw_jax.data.batches.loading import stream
from lfw_jax.data.decoding.crop import CropGeometry
from lfw_jax.data.images import ImageSet
from lfw_jax.inference.representation import DecodedImages

Apply = Callable[[PyTree, Float[Array, "batch side side 3"]], Float[Array, "batch dim"]]
"""Maps variables and float images in [-1, 1] to raw embeddings."""


def in_inference_mode(network: nn.Module) -> Apply:
    """Return a network as a function of variables and images, in inference mode.

    There is no dropout, and batch normalisation uses its running statistics.

    Embedders share a compiled program if their networks are equal, such as two models of one architecture. Those of a network
    that cannot be hashed, because of a list among its fields, share one if they share the returned function.

    Args:
      network: one of `lfw_jax.models`.
    """
    try:
        hash(network)
    except TypeError:
        return partial(_apply, network)
    return _InferenceMode(network)


@dataclasses.dataclass(frozen=True)
class _InferenceMode:
    """A network in inference mode, equal to that of an equal network, so that JAX compiles both once."""

    network: nn.Module

    def __call__(self, variables: PyTree, images: Float[Array, "batch side side 3"]) -> Any:
        return _apply(self.network, variables, images)


def _apply(network: nn.Module, variables: PyTree, images: Float[Array, "batch side side 3"]) -> Any:
    return network.apply(variables, images, train=False)


@dataclasses.dataclass(frozen=True, eq=False)
class Embedder:
    """A network with its variables, crop geometry and test-time augmentation.

    Embeddings are raw: they are not normalised to unit length. All embedders with equal `apply` that differ in `variables` alone
    share one compiled program.

    Attributes:
      apply: the network in inference mode, such as `in_inference_mode(network)`.
      variables: the first argument of `apply`, such as `{"params": …, "batch_stats": …}`.
      geometry: the crop geometry: the square of an image that the network receives, and its stored margin.
      flip: test-time augmentation: the raw embedding of the mirror image is added, as in InsightFace's evaluation.
      shift: test-time augmentation: if it is not 0, the raw embeddings of four crops shifted along the diagonals by this many
        pixels are added as well. It improves the accuracy on unaligned faces.
      batch_size: images per call of the network. Incomplete batches are padded, so that one shape is compiled.
      loader: the loader that decodes image sets, one of `lfw_jax.data.batches.loading.LOADERS`.

    Raises:
      ValueError: `shift` exceeds the margin of `geometry` or is negative, or `batch_size` is below 1.

    Example:
      >>> embedder = Embedder(in_inference_mode(network), variables, CropGeometry(side=112, margin=8), shift=4)
      >>> embeddings = embedder.embed_images(images)
    """

    apply: Apply
    variables: PyTree
    geometry: CropGeometry
    flip: bool = True
    shift: int = 0
    batch_size: int = 128
    loader: str = "auto"

    def __post_init__(self):
        if not 0 <= self.shift <= self.geometry.margin:
            raise ValueError(
                f"expected a shift from 0 to the margin of {self.geometry.margin} pixels, found {self.shift}"
            )
        if self.batch_size < 1:
            raise ValueError(f"expected a batch_size of 1 or more, found {self.batch_size}")

    @property
    def embedding_dim(self) -> int:
        """The length of an embedding. The network is traced, not run."""
        side = self.geometry.stored_side
        batch = jax.ShapeDtypeStruct((self.batch_size, side, side, 3), jnp.uint8)
        return jax.eval_shape(self._embed_batch, self.variables, batch).shape[1]

    def with_variables(self, variables: PyTree) -> Self:
        """Return the same embedder with other variables. It shares the compiled program.

        Args:
          variables: variables of the same structure and shapes.
        """
        return dataclasses.replace(self, variables=variables)

    def without_shifts(self) -> Self:
        """Return the embedder without the shifted crops: faster by up to a factor of five, for validation."""
        return dataclasses.replace(self, shift=0)

    def embed(self, pixels: UInt8[np.ndarray, "images stored stored 3"]) -> Float[np.ndarray, "images dim"]:
        """Embed decoded images.

        Args:
          pixels: the stored squares: `geometry.side` pixels and the margin on each edge.

        Returns:
          The raw embeddings, in the order of the images.

        Raises:
          ValueError: the images are not uint8 or not of the size of the crop geometry.
        """
        side = self.geometry.stored_side
        if pixels.dtype != np.uint8 or pixels.shape[1:] != (side, side, 3):
            raise ValueError(
                f"expected uint8 images [images, {side}, {side}, 3] (a side of {self.geometry.side} pixels and a margin of "
                f"{self.geometry.margin}), found {pixels.dtype} {list(pixels.shape)}"
            )
        size = self.batch_size
        return self._embed_batches(pixels[start : start + size] for start in range(0, len(pixels), size))

    def embed_decoded(self, decoded: DecodedImages) -> Float[np.ndarray, "images dim"]:
        """Embed decoded images: `embed` of their pixels.

        Args:
          decoded: the images and their stored squares.

        Returns:
          The raw embeddings, in the order of the images.

        Raises:
          ValueError: the images are not uint8 or not of the size of the crop geometry.
        """
        return self.embed(decoded.pixels)

    def embed_images(self, images: ImageSet) -> Float[np.ndarray, "images dim"]:
        """Decode and embed an image set, batch by batch.

        Memory holds only a few batches of pixels, whatever the size of the set.

        Args:
          images: the set. Its images are cropped and resized by `geometry`.

        Returns:
          The raw embeddings, in the order of the set.

        Raises:
          UserError: the loader is not available, or an image cannot be read or decoded.
        """

        def indices(batch: int) -> np.ndarray:
            return np.arange(batch * self.batch_size, min(len(images), (batch + 1) * self.batch_size))

        if not len(images):
            return self._embed_batches(())
        stop = -(-len(images) // self.batch_size)
        return self._embed_batches(
            stream(images, indices, start=0, stop=stop, geometry=self.geometry, loader=self.loader)
        )

    def embed_traced(self, squares: UInt8[Array, "images stored stored 3"]) -> Float[Array, "images dim"]:
        """Return the raw embeddings of decoded images as one function, which may be traced.

        Args:
          squares: the stored squares.
        """
        return self._embed_batch(self.variables, squares)

    @property
    def _embed_batch(self) -> Callable[[Any, Any], jax.Array]:
        return partial(_embed, apply=self.apply, side=self.geometry.side, flip=self.flip, shift=self.shift)

    def _embed_batches(
        self, batches: Iterable[UInt8[np.ndarray, "batch stored stored 3"]]
    ) -> Float[np.ndarray, "images dim"]:
        embed_batch, variables, parts = self._embed_batch, jax.device_put(self.variables), []
        for batch in batches:
            padding = np.zeros((self.batch_size - len(batch), *batch.shape[1:]), batch.dtype)
            padded = jnp.asarray(np.concatenate([batch, padding]))
            parts.append(np.asarray(embed_batch(variables, padded))[: len(batch)])
        return np.concatenate(parts) if parts else np.zeros((0, self.embedding_dim), np.float32)


def crop_corners(margin: int, shift: int) -> list[tuple[int, int]]:
    """Return top and left of the crops of test-time augmentation: the centre and the shifted ones.

    Args:
      margin: the margin of the stored square.
      shift: offset of four shifted crops along the diagonals; 0 for none.
    """
    offsets = [(0, 0)] + [(shift * down, shift * across) for down in (-1, 1) for across in (-1, 1) if shift]
    return [(margin + down, margin + across) for down, across in offsets]


# A function of the module, so that its compilation cache is shared by all embedders: variables are an argument.
@partial(jax.jit, static_argnames=("apply", "side", "flip", "shift"))
def _embed(
    variables: PyTree,
    images: UInt8[Array, "batch stored stored 3"],
    *,
    apply: Apply,
    side: int,
    flip: bool,
    shift: int,
) -> Float[Array, "batch dim"]:
    """Return the sum of the raw embeddings of all crops of each image."""
    margin = (images.shape[1] - side) // 2
    crops = [images[:, top : top + side, left : left + side] for top, left in crop_corners(margin, shift)]
    crops += [crop[:, :, ::-1] for crop in crops if flip]
    # A loop over the crops, instead of one batch of them all, compiles the network once.
    unit = to_unit(jnp.stack(crops).astype(jnp.float32))
    return jax.lax.map(lambda crop: apply(variables, crop), unit).sum(axis=0)
