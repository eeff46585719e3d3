"""Which images make up a batch: a pure function of (seed, step), so that a resumed run repeats and skips nothing.

A sampler holds only the labels. `indices(step)` gives the places of the images of that step's batch.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from jaxtyping import Int

from lfw_jax.errors import UserError


class Sampler(Protocol):
    """What a sampler gives."""

    batch_size: int
    steps_per_epoch: int

    def indices(self, step: int) -> Int[np.ndarray, "batch"]:
        """The images of the batch of a step, as places in the training set."""
        ...

    def describe(self) -> str:
        """What the sampler does with this training set, in a line for the terminal and the report."""
        ...


def _random(*key: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(key)))


class _Epochs:
    """Permutations of a number of things, one an epoch; the last one is kept, as steps mostly come in order."""

    def __init__(self, count: int, seed: int):
        self._count, self._seed = count, seed
        self._epoch, self._order = -1, np.zeros(0, np.int64)

    def order(self, epoch: int) -> Int[np.ndarray, "count"]:
        if epoch != self._epoch:
            self._epoch, self._order = epoch, _random(self._seed, 0, epoch).permutation(self._count)
        return self._order

    def take(self, step: int, size: int) -> Int[np.ndarray, "size"]:
        """Things number `step·size` and on of the endless row of permutations; what an epoch leaves over is dropped."""
        epoch, place = divmod(step, self._count // size)
        return self.order(epoch)[place * size : (place + 1) * size]


class Uniform:
    """Every image once an epoch, in a new random order; a last batch that is not full is left out."""

    def __init__(self, labels: Int[np.ndarray, "images"], *, batch_size: int, seed: int):
        if len(labels) < batch_size:
            raise UserError(
                f"--config.sampler.batch_size is {batch_size}, but there are only {len(labels)} training images; "
                "set it lower or add images."
            )
        self.batch_size, self.steps_per_epoch = batch_size, len(labels) // batch_size
        self._epochs = _Epochs(len(labels), seed)
        self._images, self._people = len(labels), len(np.unique(labels))

    def indices(self, step: int) -> Int[np.ndarray, "batch"]:
        """The images of a step."""
        return self._epochs.take(step, self.batch_size)

    def describe(self) -> str:
        """In words."""
        return (
            f"uniform: {self._images} images of {self._people} people, each once an epoch; batches of {self.batch_size}, "
            f"{self.steps_per_epoch} an epoch"
        )


class PeopleImages:
    """P people with K images each (Hermans et al. 2017, arXiv:1703.07737); every person once an epoch.

    People with fewer than K images: `short="repeat"` fills their K with repetitions of images they have (a singleton
    brings no positive pair that teaches anything, yet serves as negative); `short="leave_out"` leaves them out.
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
        order = np.argsort(labels, kind="stable")
        people, starts, counts = np.unique(labels[order], return_index=True, return_counts=True)
        self._few = int((counts < images_per_person).sum())
        if short == "leave_out":
            starts, counts = starts[counts >= images_per_person], counts[counts >= images_per_person]
        self._order, self._starts, self._counts = order, starts, counts
        if len(counts) < self._p:
            raise UserError(
                f"--config.sampler.batch_size {batch_size} with --config.sampler.images_per_person {images_per_person} "
                f"needs {self._p} people a batch, but the training set has {len(counts)}"
                + (f" with {images_per_person} images or more ({len(people)} in all)" if short == "leave_out" else "")
                + "; set the batch size lower"
                + (" or --config.sampler.short=repeat." if short == "leave_out" else ".")
            )
        self.steps_per_epoch = len(counts) // self._p
        self._epochs = _Epochs(len(counts), seed)

    def indices(self, step: int) -> Int[np.ndarray, "batch"]:
        """The images of a step: K of the first person, K of the second, …"""
        people = self._epochs.take(step, self._p)
        rng = _random(self._seed, 1, step)
        chosen = np.concatenate(
            [self._starts[person] + self._draw(rng, int(self._counts[person])) for person in people]
        )
        return self._order[chosen]

    def _draw(self, rng: np.random.Generator, count: int) -> Int[np.ndarray, "k"]:
        """K of a person's images: all different where there are enough, else every one before any comes again."""
        rounds = -(-self._k // count)
        return np.concatenate([rng.permutation(count) for _ in range(rounds)])[: self._k]

    def describe(self) -> str:
        """In words."""
        fate = "left out" if self._short == "leave_out" else "filled up by repetition"
        return (
            f"{self._p} people × {self._k} images: {len(self._counts)} people; {self._few} with fewer than {self._k} "
            f"images are {fate}; {self.steps_per_epoch} batches an epoch"
        )


class RandomPairs:
    """Random pairs, half of them of one person: images 2j and 2j+1 of a batch are pair j.

    Same-person pairs: a person with two images or more, drawn in proportion to the number of their images, and two of
    their images. Different-person pairs: two images of two people. An epoch is as many pairs as make up the images.
    """

    def __init__(self, labels: Int[np.ndarray, "images"], *, batch_size: int, same_share: float, seed: int):
        if batch_size % 2:
            raise UserError(f"--config.sampler.batch_size is {batch_size}; pairs need an even number of images.")
        if not 0.0 < same_share < 1.0:
            raise UserError(f"--config.sampler.same_share is {same_share}; expected a share between 0 and 1.")
        counts = np.bincount(labels)
        self._order = np.argsort(labels, kind="stable")
        self._labels, self._counts = labels, counts
        self._starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
        self._places = np.empty(len(labels), np.int64)  # of each image among those ordered by person
        self._places[self._order] = np.arange(len(labels))
        self._with_pairs = np.flatnonzero(counts[labels] >= 2)
        if not len(self._with_pairs) or len(np.unique(labels)) < 2:
            raise UserError(
                f"the training set has {len(np.unique(labels))} people, {int((counts >= 2).sum())} of them with two "
                "images or more; --config.sampler.name=pairs needs at least two people and one with two images."
            )
        self.batch_size, self._pairs = batch_size, batch_size // 2
        self._same = round(same_share * self._pairs)
        self.steps_per_epoch = max(1, len(labels) // batch_size)
        self._seed = seed

    def indices(self, step: int) -> Int[np.ndarray, "batch"]:
        """The images of a step, pair after pair."""
        rng = _random(self._seed, 2, step)
        first = rng.choice(self._with_pairs, self._same)
        # Another image of the same person: one of the count − 1 others, counted on from this one.
        label = self._labels[first]
        within = self._places[first] - self._starts[label]
        other = (within + 1 + (rng.random(self._same) * (self._counts[label] - 1)).astype(np.int64)) % self._counts[
            label
        ]
        same = np.stack([first, self._order[self._starts[label] + other]], 1)
        left = rng.integers(len(self._labels), size=self._pairs - self._same)
        right = rng.integers(len(self._labels), size=len(left))
        while (clash := self._labels[left] == self._labels[right]).any():
            right[clash] = rng.integers(len(self._labels), size=int(clash.sum()))
        pairs = np.concatenate([same, np.stack([left, right], 1)])
        return rng.permutation(pairs).reshape(-1)

    def describe(self) -> str:
        """In words."""
        return (
            f"random pairs: {self._same} of one person and {self._pairs - self._same} of two in a batch of "
            f"{self.batch_size} images; same-person pairs come from {int((self._counts >= 2).sum())} people with two "
            f"images or more; {self.steps_per_epoch} batches an epoch"
        )


SAMPLERS = {"uniform": Uniform, "people_images": PeopleImages, "pairs": RandomPairs}


def build_sampler(config: Mapping[str, Any], labels: Int[np.ndarray, "images"], *, seed: int) -> Sampler:
    """The sampler that `config` (the `sampler` part of a configuration) describes.

    Raises:
      UserError: an unknown sampler, or a training set that it cannot serve.
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
    return PeopleImages(
        labels, batch_size=size, images_per_person=config["images_per_person"], short=config["short"], seed=seed
    )
