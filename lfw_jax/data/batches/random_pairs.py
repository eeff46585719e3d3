"""Batches of random pairs."""

import numpy as np
from jaxtyping import Int

from lfw_jax.data.batches.images_by_identity import ImagesByIdentity
from lfw_jax.data.batches.permutation import random
from lfw_jax.errors import UserError


class RandomPairs:
    """Random pairs: images 2j and 2j+1 of a batch are pair j.

    A same pair is two images of one identity that has two or more; identities are sampled in proportion to their number of
    images. A different pair is two images of two identities. An epoch has as many images as the training set.

    Args:
      labels: `[images]`, the identity of each training image.
      batch_size: images per batch, twice the number of pairs.
      same_share: share of same pairs in a batch.
      seed: seed of the pairs.

    Raises:
      UserError: a value is out of range, or the training set has no same pair or only one identity.
    """

    def __init__(self, labels: Int[np.ndarray, "images"], *, batch_size: int, same_share: float, seed: int):
        if batch_size % 2:
            raise UserError(f"--config.sampler.batch_size is {batch_size}; pairs need an even number of images.")
        if not 0.0 < same_share < 1.0:
            raise UserError(f"--config.sampler.same_share is {same_share}; expected a share between 0 and 1.")
        self._labels, self._images = labels, ImagesByIdentity(labels)
        counts = self._images.counts
        self._with_pairs = np.flatnonzero(counts >= 2).astype(np.int32)
        self._ends = np.cumsum(
            counts[self._with_pairs], dtype=np.int64
        )  # of the images of these identities, one after another
        identities = int((counts > 0).sum())
        if not len(self._with_pairs) or identities < 2:
            raise UserError(
                f"the training set has {identities} identities, {len(self._with_pairs)} of them with two "
                "images or more; --config.sampler.name=pairs needs at least two identities and one with two images."
            )
        self.batch_size, self._pairs = batch_size, batch_size // 2
        self._same = round(same_share * self._pairs)
        self.steps_per_epoch = max(1, len(labels) // batch_size)
        self._seed = seed

    def indices(self, step: int) -> Int[np.ndarray, "batch"]:
        """Return the indices of the images of a step, pair after pair."""
        rng = random(self._seed, 2, step)
        sampled = rng.integers(self._ends[-1], size=self._same)
        which = np.searchsorted(self._ends, sampled, side="right")
        identity = self._with_pairs[which]
        count = self._images.counts[identity]
        one = sampled - (self._ends[which] - count)
        # Another image of the same identity: one of the count − 1 others, at a cyclic offset from the first.
        other = (one + 1 + (rng.random(self._same) * (count - 1)).astype(np.int64)) % count
        same = np.stack([self._images.at(identity, one), self._images.at(identity, other)], 1)
        left = rng.integers(len(self._labels), size=self._pairs - self._same)
        right = rng.integers(len(self._labels), size=len(left))
        while (clash := self._labels[left] == self._labels[right]).any():
            right[clash] = rng.integers(len(self._labels), size=int(clash.sum()))
        pairs = np.concatenate([same, np.stack([left, right], 1)])
        return rng.permutation(pairs).reshape(-1)

    def describe(self) -> str:
        """Describe the sampling in one line."""
        return (
            f"random pairs: {self._same} same and {self._pairs - self._same} different pairs in a batch of "
            f"{self.batch_size} images; same pairs come from {len(self._with_pairs)} identities with two "
            f"images or more; {self.steps_per_epoch} batches per epoch"
        )
