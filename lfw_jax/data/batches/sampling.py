"""Samplers of batches: pure functions of (seed, step).

A resumed run therefore neither repeats nor skips a batch. A sampler holds the labels and a few bytes per identity.
`indices(step)` returns the indices of the images of that step's batch; several threads may call it at the same time.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from jaxtyping import Int

from lfw_jax.data.batches.images_by_identity import ImagesByIdentity, count_identities
from lfw_jax.data.batches.permutation import Permutation, random
from lfw_jax.errors import UserError


class Sampler(Protocol):
    """The interface of a sampler.

    Attributes:
      batch_size: images per batch.
      steps_per_epoch: batches per epoch.
    """

    batch_size: int
    steps_per_epoch: int

    def indices(self, step: int) -> Int[np.ndarray, "batch"]:
        """Return the indices in the training set of the images of a step's batch."""
        ...

    def describe(self) -> str:
        """Describe the sampling of this training set in one line for the terminal and the report."""
        ...


class _Epochs:
    """Random permutations of `count` items, one per epoch; the latest one is cached."""

    def __init__(self, count: int, seed: int):
        self._count, self._seed = count, seed
        self._latest = -1, Permutation(0)  # one tuple, so that threads replace both at once

    def take(self, step: int, size: int) -> Int[np.ndarray, "size"]:
        """Return the items of a step from its epoch's permutation, whose remainder is dropped."""
        epoch, part = divmod(step, self._count // size)
        cached, order = self._latest
        if cached != epoch:
            order = Permutation(self._count, self._seed, 0, epoch)
            self._latest = epoch, order
        return order(part * size, (part + 1) * size)


class Uniform:
    """Uniform sampling: every image once per epoch, in a new random order.

    An incomplete last batch is dropped.

    Args:
      labels: `[images]`, the identity of each training image.
      batch_size: images per batch.
      seed: seed of the order.

    Raises:
      UserError: the training set is smaller than a batch.
    """

    def __init__(self, labels: Int[np.ndarray, "images"], *, batch_size: int, seed: int):
        if len(labels) < batch_size:
            raise UserError(
                f"--config.sampler.batch_size is {batch_size}, but there are only {len(labels)} training images; "
                "set it lower or add images."
            )
        self.batch_size, self.steps_per_epoch = batch_size, len(labels) // batch_size
        self._epochs = _Epochs(len(labels), seed)
        self._images, self._identities = len(labels), count_identities(labels)

    def indices(self, step: int) -> Int[np.ndarray, "batch"]:
        """Return the indices of the images of a step."""
        return self._epochs.take(step, self.batch_size)

    def describe(self) -> str:
        """Describe the sampling in one line."""
        return (
            f"uniform: {self._images} images of {self._identities} identities, each once per epoch; batches of "
            f"{self.batch_size}, {self.steps_per_epoch} per epoch"
        )


class PKSampler:
    """PK sampling: P identities with K images each (Hermans et al. 2017, arXiv:1703.07737).

    Every identity comes once per epoch.

    Args:
      labels: `[images]`, the identity of each training image.
      batch_size: images per batch, P·K.
      images_per_person: images per identity, K.
      short: treatment of identities with fewer than K images. "repeat" fills their K with repeated images; an identity with a
        single image then gives no informative positive pair, but still serves as a negative. "leave_out" excludes them.
      seed: seed of the order and of the choice of images.

    Raises:
      UserError: a value is out of range, or the training set has fewer than P identities.
    """

    def __init__(
        self, labels: Int[np.ndarray, "images"], *, batch_size: int, images_per_person: int, short: str, seed: int
    ):
        if short not in ("repeat", "leave_out"):
            raise UserError(f"--config.sampler.short is '{short}'; expected repeat or leave_out.")
        if images_per_person < 2 or batch_size % images_per_person:
            raise UserError(
                f"--config.sampler.batch_size {batch_size} must be a multiple of --config.sampler.images_per_person "
                f"{images_per_person}, which must be at least 2."
            )
        self.batch_size, self._k, self._p = batch_size, images_per_person, batch_size // images_per_person
        self._seed, self._short = seed, short
        self._images = ImagesByIdentity(labels)
        counts = self._images.counts
        identities, few = int((counts > 0).sum()), (counts > 0) & (counts < images_per_person)
        self._few = int(few.sum())
        included = (counts > 0) & ~few if short == "leave_out" else counts > 0
        self._identities = np.flatnonzero(included).astype(np.int32)
        if len(self._identities) < self._p:
            raise UserError(
                f"--config.sampler.batch_size {batch_size} with --config.sampler.images_per_person {images_per_person} "
                f"needs {self._p} identities per batch, but the training set has {len(self._identities)}"
                + (f" with {images_per_person} images or more ({identities} in all)" if short == "leave_out" else "")
                + "; set the batch size lower"
                + (" or --config.sampler.short=repeat." if short == "leave_out" else ".")
            )
        self.steps_per_epoch = len(self._identities) // self._p
        self._epochs = _Epochs(len(self._identities), seed)

    def indices(self, step: int) -> Int[np.ndarray, "batch"]:
        """Return the indices of the images of a step, K consecutive ones per identity."""
        identities = self._identities[self._epochs.take(step, self._p)]
        within = _sample_of_each(random(self._seed, 1, step), self._images.counts[identities], self._k)
        return self._images.at(identities[:, None], within).reshape(-1)

    def describe(self) -> str:
        """Describe the sampling in one line."""
        treatment = "excluded" if self._short == "leave_out" else "filled up by repetition"
        return (
            f"{self._p} identities × {self._k} images: {len(self._identities)} identities; {self._few} with fewer than "
            f"{self._k} images are {treatment}; {self.steps_per_epoch} batches per epoch"
        )


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


def _sample_of_each(
    rng: np.random.Generator, counts: Int[np.ndarray, "identities"], k: int
) -> Int[np.ndarray, "identities k"]:
    """Sample k of 0 … count − 1 for each identity, every image before any repeats.

    Floyd's algorithm, vectorised over the identities (Bentley and Floyd 1987, "A Sample of Brilliance"): k draws each,
    independent of the number of images.
    """
    rounds, rest = np.divmod(k, counts)  # full rounds of all images, and the number of further ones
    chosen = np.zeros((len(counts), k), np.int64)
    for draw in range(int(rest.max())):
        last = counts - rest + draw
        candidate = (rng.random(len(counts)) * (last + 1)).astype(np.int64)
        taken = (chosen[:, :draw] == candidate[:, None]).any(axis=1)
        chosen[:, draw] = np.where(taken, last, candidate)
    number, whole = np.arange(k), (rounds * counts)[:, None]
    more = np.take_along_axis(chosen, np.maximum(number - whole, 0), axis=1)
    return np.where(number < whole, number % counts[:, None], more)


SAMPLERS = {"uniform": Uniform, "people_images": PKSampler, "pairs": RandomPairs}


def build_sampler(config: Mapping[str, Any], labels: Int[np.ndarray, "images"], *, seed: int) -> Sampler:
    """Build the sampler of a configuration.

    Args:
      config: the `sampler` part of the configuration.
      labels: `[images]`, the identity of each training image.
      seed: seed of the sampler.

    Returns:
      The sampler.

    Raises:
      UserError: the sampler is unknown, a value is out of range, or the training set is too small for it.
    """
    name, size = config["name"], config["batch_size"]
    if name not in SAMPLERS:
        raise UserError(f"--config.sampler.name is '{name}'; the known samplers are {', '.join(SAMPLERS)}.")
    if size < 2:
        raise UserError(f"--config.sampler.batch_size is {size}; expected at least 2.")
    if name == "uniform":
        return Uniform(labels, batch_size=size, seed=seed)
    if name == "pairs":
        return RandomPairs(labels, batch_size=size, same_share=config["same_share"], seed=seed)
    return PKSampler(
        labels, batch_size=size, images_per_person=config["images_per_person"], short=config["short"], seed=seed
    )
