"""Embeddings of what a run is evaluated on: its lists, identification protocols and cohort."""

import dataclasses
from collections.abc import Callable
from typing import Protocol

import numpy as np
from jaxtyping import Float

from lfw_jax.data.images import ImageSet
from lfw_jax.data.protocols.evaluated_lists import EvaluatedList
from lfw_jax.data.protocols.identification_sets import IdentificationSet
from lfw_jax.errors import UserError
from lfw_jax.inference.representation import DecodedImages, Representation


class RunEmbedder(Protocol):
    """Embeds the images that a run is evaluated on.

    A single representation embeds the images as the run decodes them. A fused system has members that see the images in crops
    of their own. So images are requested by the list that names them, and not by their pixels.
    """

    @property
    def flip(self) -> bool:
        """True if the mirror image is part of the embedding."""
        ...

    @property
    def shift(self) -> int:
        """Offset in pixels of four additional, shifted crops; 0 for none."""
        ...

    def embed_list(self, listed: EvaluatedList) -> Float[np.ndarray, "images dim"]:
        """Return the raw embeddings of the images of a list, in the order of its `pairs.keys()`.

        Args:
          listed: the list.

        Raises:
          UserError: an image cannot be read or decoded.
        """
        ...

    def embed_protocol(self, item: IdentificationSet) -> Float[np.ndarray, "images dim"]:
        """Return the raw embeddings of the images of an identification protocol, in its order.

        Args:
          item: the protocol.

        Raises:
          UserError: an image cannot be aligned, read or decoded.
        """
        ...

    def embed_source(self, images: ImageSet) -> Float[np.ndarray, "images dim"]:
        """Return the raw embeddings of some images of the data set itself, such as training images.

        Args:
          images: the images.

        Raises:
          UserError: an image cannot be read or decoded.
        """
        ...


@dataclasses.dataclass(frozen=True, eq=False)
class SingleEmbedder:
    """A single representation as what embeds the images of a run.

    Attributes:
      representation: the representation.
      decode: returns the images of a list with their pixels, in the order of its `pairs.keys()`.
    """

    representation: Representation
    decode: Callable[[EvaluatedList], DecodedImages]

    @property
    def flip(self) -> bool:
        """True if the mirror image is part of the embedding."""
        return self.representation.flip

    @property
    def shift(self) -> int:
        """Offset in pixels of four additional, shifted crops; 0 for none."""
        return self.representation.shift

    def embed_list(self, listed: EvaluatedList) -> Float[np.ndarray, "images dim"]:
        """Return the raw embeddings of the images of a list, in the order of its `pairs.keys()`.

        Args:
          listed: the list.

        Raises:
          UserError: an image cannot be read or decoded.
        """
        return self.representation.embed_decoded(self.decode(listed))

    def embed_protocol(self, item: IdentificationSet) -> Float[np.ndarray, "images dim"]:
        """Return the raw embeddings of the images of an identification protocol, in its order.

        Args:
          item: the protocol.

        Raises:
          UserError: an image cannot be aligned, read or decoded.
        """
        if len(item.images) != len(item.rows.files) + item.distractors:
            first = item.images.skipped[0]
            raise UserError(
                f"{item.name}: {len(item.images.skipped)} of its images cannot be aligned, the first {first.path}: "
                f"{first.reason}. Repair the files, or remove them from the lists."
            )
        return self.representation.embed_images(item.images)

    def embed_source(self, images: ImageSet) -> Float[np.ndarray, "images dim"]:
        """Return the raw embeddings of some images of the data set itself, such as training images.

        Args:
          images: the images.

        Raises:
          UserError: an image cannot be read or decoded.
        """
        return self.representation.embed_images(images)
