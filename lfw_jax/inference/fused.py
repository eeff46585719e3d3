"""The fusion of representations: the weighted sum of their cosines is the cosine of one embedding."""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from jaxtyping import Float

from lfw_jax.backends.unit_length import unit_length
from lfw_jax.data.images import ImageSet
from lfw_jax.data.pair_list import Key
from lfw_jax.data.protocols.evaluated_lists import EvaluatedList, lists_of_set, lists_of_split
from lfw_jax.data.protocols.identification_sets import IdentificationSet
from lfw_jax.data.protocols.partition import EvaluationPlan
from lfw_jax.data.protocols.splits import Split
from lfw_jax.errors import UserError
from lfw_jax.evaluation.embeddings import EmbeddedImages
from lfw_jax.inference.run_embedder import RunEmbedder


@dataclasses.dataclass(frozen=True, eq=False)
class MemberData:
    """The data of a fused system as one member sees them: the same lists, in its own crops.

    Attributes:
      embedder: what embeds them.
      split: the split.
      plan: the evaluation sets and the identification protocols.
    """

    embedder: RunEmbedder
    split: Split
    plan: EvaluationPlan

    @functools.cached_property
    def lists(self) -> Mapping[str, EvaluatedList]:
        """All lists by their role."""
        of_sets = [listed for item in self.plan.sets for listed in lists_of_set(item)]
        return lists_of_split(self.split) | {listed.role: listed for listed in of_sets}


@dataclasses.dataclass(frozen=True, eq=False)
class FusedMember:
    """One member of a fused system.

    Lists and protocols are found by their role and their name, never by the keys of their images: images of two evaluation sets
    may have equal keys.

    Attributes:
      flip: true if the mirror image is part of its embedding.
      shift: offset in pixels of its shifted crops; 0 for none.
      load: returns the data as the member sees them. Called at most once, and only for images that are not known.
      known: lists that were embedded before, by their role.
    """

    flip: bool
    shift: int
    load: Callable[[], MemberData]
    known: Mapping[str, EmbeddedImages] = dataclasses.field(default_factory=dict)

    @functools.cached_property
    def _data(self) -> MemberData:
        return self.load()

    def embed_list(self, listed: EvaluatedList) -> Float[np.ndarray, "images dim"]:
        """Return the raw embeddings of the images of a list of the whole, in the order of its `pairs.keys()`.

        Args:
          listed: the list.

        Raises:
          UserError: the member has other images in that list, or an image cannot be read.
        """
        if known := self.known.get(listed.role):
            found = list(zip(known.identities.tolist(), known.numbers.tolist(), strict=True))
            self._check(listed.role, listed.pairs.keys(), found)
            return known.embeddings
        own = self._data.lists.get(listed.role)
        self._check(listed.role, listed.pairs.keys(), own.pairs.keys() if own else ())
        assert own is not None
        return self._data.embedder.embed_list(own)

    def embed_protocol(self, item: IdentificationSet) -> Float[np.ndarray, "images dim"]:
        """Return the raw embeddings of the images of an identification protocol of the whole, in its order.

        Args:
          item: the protocol.

        Raises:
          UserError: the member has other images in that protocol, or an image cannot be aligned or read.
        """
        own = next((other for other in self._data.plan.identification if other.name == item.name), None)
        self._check(item.name, item.keys(), own.keys() if own else ())
        assert own is not None
        return self._data.embedder.embed_protocol(own)

    def embed_source(self, images: ImageSet) -> Float[np.ndarray, "images dim"]:
        """Return the raw embeddings of some images of the data set of the whole.

        Args:
          images: the images.

        Raises:
          UserError: the member lacks one of the images, or it cannot be read.
        """
        try:
            own = self._data.split.source.of_keys(images.keys())
        except KeyError as error:
            name, number = error.args[0]
            raise UserError(f"{name}, image {number}: not among its images. Train the member again.") from error
        return self._data.embedder.embed_source(own)

    def _check(self, what: str, wanted: Sequence[Key], found: Sequence[Key]) -> None:
        if list(wanted) != list(found):
            raise UserError(
                f"{what}: found {len(found)} images, expected the {len(wanted)} images of the whole in their order. "
                "The data changed after the member was evaluated; evaluate again with --mode=evaluate."
            )


@dataclasses.dataclass(frozen=True, eq=False)
class FusedEmbedder:
    """The fusion of several members, which embeds the images of a run.

    The embeddings of the members, each scaled to length 1 and multiplied by the root of its weight, are concatenated. The cosine
    of two such vectors is the weighted sum of the members' cosines, divided by the sum of the weights. So a fused system is
    evaluated like any other.

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

    def embed_list(self, listed: EvaluatedList) -> Float[np.ndarray, "images fused"]:
        """Return the fused embeddings of the images of a list, in the order of its `pairs.keys()`.

        Args:
          listed: the list.

        Raises:
          UserError: a member has other images in that list, or an image cannot be read.
        """
        return self._fused(lambda member: member.embed_list(listed))

    def embed_protocol(self, item: IdentificationSet) -> Float[np.ndarray, "images fused"]:
        """Return the fused embeddings of the images of an identification protocol, in its order.

        Args:
          item: the protocol.

        Raises:
          UserError: a member has other images in that protocol, or an image cannot be aligned or read.
        """
        return self._fused(lambda member: member.embed_protocol(item))

    def embed_source(self, images: ImageSet) -> Float[np.ndarray, "images fused"]:
        """Return the fused embeddings of some images of the data set.

        Args:
          images: the images.

        Raises:
          UserError: a member lacks one of the images, or it cannot be read.
        """
        return self._fused(lambda member: member.embed_source(images))

    def _fused(
        self, embed: Callable[[FusedMember], Float[np.ndarray, "images dim"]]
    ) -> Float[np.ndarray, "images fused"]:
        embeddings = {}
        for name, member in self.members.items():
            try:
                embeddings[name] = embed(member)
            except UserError as error:
                raise UserError(f"member {name}: {error}") from error
        return fuse_embeddings(embeddings, self.weights)


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
