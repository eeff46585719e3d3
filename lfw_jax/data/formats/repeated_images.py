"""Images that a file stores once and names in several pairs."""

import dataclasses

import numpy as np
from jaxtyping import Int

from lfw_jax.data.images import ImageSet
from lfw_jax.data.pair_list import PairList


def images_of_pairs(pairs: Int[np.ndarray, "pairs"]) -> Int[np.ndarray, "images"]:
    """Return the indices of both images of each pair, in a file with images 2i and 2i + 1 for pair i.

    Args:
      pairs: the indices of the pairs.
    """
    return (2 * pairs[:, None] + [0, 1]).reshape(-1)


def without_repetition(
    images: ImageSet, pairs: PairList, identifiers: Int[np.ndarray, "images"]
) -> tuple[ImageSet, PairList]:
    """Keep the first of several equal images; the pairs then name it wherever they named one of them.

    Args:
      images: the images of the pairs, two for each pair, in their order.
      pairs: the pairs.
      identifiers: `[images]`, a number for each image, which equal images share.

    Returns:
      The distinct images and the pairs.
    """
    _, first, inverse = np.unique(identifiers, return_index=True, return_inverse=True)
    if len(first) == len(identifiers):
        return images, pairs
    keys = images.keys()
    keys = [keys[index] for index in first[inverse].tolist()]
    return images.where(np.sort(first)), dataclasses.replace(pairs, first=tuple(keys[::2]), second=tuple(keys[1::2]))
