"""The fusion of representations: the weighted sum of their cosines is the cosine of one embedding."""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from jaxtyping import Float

from lfw_jax.backends.unit_length import unit_length
from lfw_jax.data.images import ImageSet
from lfw_jax.data.pair_list import Key
from lfw_jax.errors import UserError
from lfw_jax.evaluation.embeddings import EmbeddedImages
from lfw_jax.inference.representation import DecodedImages, Representation


@dataclasses.dataclass(frozen=True, eq=False)
class FusedMember:
    """One member of a fused system.

    Attributes:
      flip: true if the mirror image is part of its embedding.
      shift: offset in pixels of its shifted crops; 0 for none.
      load: returns what embeds its images, and the image sets that hold the images of the system as this member sees them, such
        as its own alignment. Called at most once, and only for images that are not known.
      known: embeddings that were computed before, by the image's key.
    """

    flip: bool
    shift: int
    load: Callable[[], tuple[Representation, Sequence[ImageSet]]]
    known: Mapping[Key, Float[np.ndarray, "dim"]] = dataclasses.field(default_factory=dict)

    @functools.cached_property
    def _loaded(self) -> tuple[Representation, Sequence[ImageSet]]:
        return self.load()

    def embed(self, keys: Sequence[Key]) -> Float[np.ndarray, "images dim"]:
        """Return the raw embeddings of images given by their keys.

        Args:
          keys: the (name, number) of each image.

        Raises:
          UserError: an image that none of the image sets has, or that cannot be read.
        """
        missing = [key for key in dict.fromkeys(keys) if key not in self.known]
        found = dict(self.known)
        if missing:
            representation, sources = self._loaded
            found |= zip(missing, representation.embed_images(_images(sources, missing)), strict=True)
        return np.stack([found[key] for key in keys])


def _images(sources: Sequence[ImageSet], keys: Sequence[Key]) -> ImageSet:
    """Return the images of the first image set that has them all."""
    for source in sources:
        try:
            return source.of_keys(keys)
        except KeyError:
            continue
    name, number = keys[0]
    raise UserError(
        f"{name}, image {number}: found in no list of the data set. A fused system embeds images of its own data only."
    )


@dataclasses.dataclass(frozen=True, eq=False)
class FusedRepresentation:
    """The fusion of several representations.

    The embeddings of the members, each scaled to length 1 and multiplied by the root of its weight, are concatenated. The cosine
    of two such vectors is the weighted sum of the members' cosines, divided by the sum of the weights. So a fused system is a
    representation like any other.

    Attributes:
      members: the members by name.
      weights: the weight of each member's cosine, at least 0.

    Raises:
      ValueError: weights of other members, a negative one, or none above 0.
    """

    members: Mapping[str, FusedMember]
    weights: Mapping[str, float]

    def __post_init__(self):
        values = list(self.weights.values())
        if self.members.keys() != self.weights.keys() or min(values, default=0) < 0 or not sum(values) > 0:
            raise ValueError(
                f"expected a weight of at least 0 for each of {list(self.members)}, found {dict(self.weights)}"
            )

    @property
    def flip(self) -> bool:
        """True if the mirror image is part of every member's embedding."""
        return all(member.flip for member in self.members.values())

    @property
    def shift(self) -> int:
        """Largest offset of the shifted crops of a member, in pixels of its input."""
        return max(member.shift for member in self.members.values())

    def embed_decoded(self, decoded: DecodedImages) -> Float[np.ndarray, "images dim"]:
        """Embed images; their pixels are not used, as each member has its own crop of them.

        Args:
          decoded: the images.
        """
        return self.embed_images(decoded.images)

    def embed_images(self, images: ImageSet) -> Float[np.ndarray, "images dim"]:
        """Embed an image set by its keys.

        Args:
          images: the set.

        Raises:
          UserError: an image that a member does not have, or that cannot be read.
        """
        keys = images.keys()
        return fuse_embeddings({name: member.embed(keys) for name, member in self.members.items()}, self.weights)


def fuse_embeddings(
    embeddings: Mapping[str, Float[np.ndarray, "images dim"]], weights: Mapping[str, float]
) -> Float[np.ndarray, "images fused"]:
    """Return the fused embedding of each image, of length 1 unless a member's is zero.

    Args:
      embeddings: raw embeddings of the same images by member.
      weights: the weight of each member's cosine.
    """
    total = sum(weights.values())
    parts = [np.sqrt(weights[name] / total) * unit_length(vectors) for name, vectors in embeddings.items()]
    return np.concatenate(parts, axis=1).astype(np.float32)


def known_embeddings(lists: Mapping[str, EmbeddedImages]) -> dict[Key, Float[np.ndarray, "dim"]]:
    """Return the embeddings of some lists by the image's key.

    Args:
      lists: the content of an `embeddings.npz`.
    """
    return {
        (name, number): vector
        for images in lists.values()
        for name, number, vector in zip(
            images.identities.tolist(), images.numbers.tolist(), images.embeddings, strict=True
        )
    }
