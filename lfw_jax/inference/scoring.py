"""Scores of pair lists: distances of embeddings, or of raw pixels as the baseline."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, UInt8

from lfw_jax.data.decoding.crop import CropGeometry
from lfw_jax.data.pair_list import PairList
from lfw_jax.data.protocols.evaluation_sets import EvaluationSet
from lfw_jax.evaluation.embeddings import EmbeddedImages
from lfw_jax.evaluation.scores import ScoredPairs
from lfw_jax.evaluation.verification import pair_distances
from lfw_jax.inference.representation import DecodedImages, Representation

Decode = Callable[[PairList, EvaluationSet | None], UInt8[np.ndarray, "images stored stored 3"]]
"""Decodes every image of a pair list once, in the order of `keys()`; the set is None for a list of the split."""


class DecodedLists:
    """The decoded images of pair lists: each list of the split is decoded on first use and then cached.

    A run uses the pixels of a list of the split several times: in each validation, for the embeddings and the raw pixels of the
    evaluation, and for the gallery of the worst errors. The cache is bounded by the three lists of a split: an image takes
    3 · stored side² bytes, 38 kB at 112 pixels, so that LFW's 10-fold list of 7,701 images takes 290 MB. The images of evaluation
    sets are used once per run and are not cached, so that memory holds one set at a time.

    Args:
      decode: decodes a list, such as `ExperimentData.decode_list`.
    """

    def __init__(self, decode: Decode):
        self._decode = decode
        self._cached: dict[PairList, np.ndarray] = {}  # keyed by object identity, as lists compare

    def pixels(self, pairs: PairList, of: EvaluationSet | None = None) -> UInt8[np.ndarray, "images stored stored 3"]:
        """Return the stored squares of the images of a list, in the order of `pairs.keys()`.

        Args:
          pairs: a list of the split, which is cached, or of the evaluation set `of`, which is not.
          of: the evaluation set that the list belongs to; None for a list of the split.

        Raises:
          UserError: an image cannot be read or decoded.
        """
        if of is not None:
            return self._decode(pairs, of)
        if pairs not in self._cached:
            self._cached[pairs] = self._decode(pairs, None)
        return self._cached[pairs]


def score(representation: Representation, pairs: PairList, decoded: DecodedImages) -> ScoredPairs:
    """Return the pairs of a list with the distances of their embeddings.

    Args:
      representation: what embeds the images.
      pairs: the list.
      decoded: its images, in the order of `pairs.keys()`.

    Raises:
      UserError: a distance is not finite, or the list has pairs of one kind only.
      ValueError: the pixels do not match the crop geometry of the representation.
    """
    return score_embedded(pairs, embedded_images(pairs, representation.embed_decoded(decoded)))


def embedded_images(pairs: PairList, embeddings: Float[np.ndarray, "images dim"]) -> EmbeddedImages:
    """Return the embeddings of the images of a list with their identities and numbers.

    Args:
      pairs: the list.
      embeddings: the raw embedding of each image, in the order of `pairs.keys()`.

    Raises:
      UserError: an embedding is not finite.
    """
    names, numbers = zip(*pairs.keys(), strict=True)
    return EmbeddedImages(pairs.name, embeddings, np.array(names, np.str_), np.array(numbers, np.int64))


def score_embedded(pairs: PairList, images: EmbeddedImages) -> ScoredPairs:
    """Return the pairs of a list with the distances of their embeddings.

    Args:
      pairs: the list.
      images: its embedded images, in the order of `pairs.keys()`.

    Raises:
      UserError: the list has pairs of one kind only.
    """
    return _scored(pairs, images.embeddings)


def score_raw_pixels(
    geometry: CropGeometry, pairs: PairList, pixels: UInt8[np.ndarray, "images stored stored 3"]
) -> ScoredPairs:
    """Return the pairs of a list with the distances of their pixels: the baseline without learning.

    Each image is cropped to the network input and normalised to mean 0 and length 1.

    Args:
      geometry: the crop geometry of the images.
      pairs: the list.
      pixels: the decoded images, in the order of `pairs.keys()`.

    Raises:
      UserError: the list has pairs of one kind only.
    """
    inside = slice(geometry.margin, geometry.margin + geometry.side)
    flat = pixels[:, inside, inside].reshape(len(pixels), -1).astype(np.float32)
    return _scored(pairs, flat - flat.mean(axis=1, keepdims=True))


def _scored(pairs: PairList, vectors: Float[np.ndarray, "images dim"]) -> ScoredPairs:
    return ScoredPairs(
        name=pairs.name,
        distances=pair_distances(vectors, *pairs.indices()),
        same=pairs.same,
        identities=np.array([(a, b) for (a, _), (b, _) in zip(pairs.first, pairs.second, strict=True)], np.str_),
        images=np.array([(a, b) for (_, a), (_, b) in zip(pairs.first, pairs.second, strict=True)], np.int64),
        folds=pairs.folds,
        named=pairs.named,
    )
