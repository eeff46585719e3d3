"""Which images make up a batch: a pure function of (seed, step), so that a resumed run repeats and skips nothing.

A sampler holds the labels and a few bytes a person. `indices(step)` gives the places of the images of that step's batch; several
threads may ask at a time.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from jaxtyping import Int

from lfw_jax.data.batches.images_by_identity import ImagesByIdentity, count_identities
from lfw_jax.data.batches.permutation import Permutation, random
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


class _Epochs:
    """Permutations of a number of things, one an epoch; the last one is kept, as steps mostly come in order."""

    def __init__(self, count: int, seed: int):
        self._count, self._seed = count, seed
        self._latest = -1, Permutation(0)  # one tuple, as several threads may ask

    def take(self, step: int, size: int) -> Int[np.ndarray, "size"]:
        """Things number `step·size` and on of the endless row of permutations; what an epoch leaves over is dropped."""
        epoch, place = divmod(step, self._count // size)
        kept, order = self._latest
        if kept != epoch:
            order = Permutation(self._count, self._seed, 0, epoch)
            self._latest = epoch, order
        return order(place * size, (place + 1) * size)


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
        self._images, self._people = len(labels), count_identities(labels)

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
        self._images = ImagesByIdentity(labels)
        counts = self._images.counts
        everybody, few = int((counts > 0).sum()), (counts > 0) & (counts < images_per_person)
        self._few = int(few.sum())
        taking_part = (counts > 0) & ~few if short == "leave_out" else counts > 0
        self._people = np.flatnonzero(taking_part).astype(np.int32)
        if len(self._people) < self._p:
            raise UserError(
                f"--config.sampler.batch_size {batch_size} with --config.sampler.images_per_person {images_per_person} "
                f"needs {self._p} people a batch, but the training set has {len(self._people)}"
                + (f" with {images_per_person} images or more ({everybody} in all)" if short == "leave_out" else "")
                + "; set the batch size lower"
                + (" or --config.sampler.short=repeat." if short == "leave_out" else ".")
            )
        self.steps_per_epoch = len(self._people) // self._p
        self._epochs = _Epochs(len(self._people), seed)

    def indices(self, step: int) -> Int[np.ndarray, "batch"]:
        """The images of a step: K of the first person, K of the second, …"""
        people = self._people[self._epochs.take(step, self._p)]
        within = _some_of_each(random(self._seed, 1, step), self._images.counts[people], self._k)
        return self._images.at(people[:, None], within).reshape(-1)

    def describe(self) -> str:
        """In words."""
        fate = "left out" if self._short == "leave_out" else "filled up by repetition"
        return (
            f"{self._p} people × {self._k} images: {len(self._people)} people; {self._few} with fewer than {self._k} "
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
        self._labels, self._images = labels, ImagesByIdentity(labels)
        counts = self._images.counts
        self._with_pairs = np.flatnonzero(counts >= 2).astype(np.int32)
        self._ends = np.cumsum(counts[self._with_pairs], dtype=np.int64)  # of these people's images, one after another
        people = int((counts > 0).sum())
        if not len(self._with_pairs) or people < 2:
            raise UserError(
                f"the training set has {people} people, {len(self._with_pairs)} of them with two "
                "images or more; --config.sampler.name=pairs needs at least two people and one with two images."
            )
        self.batch_size, self._pairs = batch_size, batch_size // 2
        self._same = round(same_share * self._pairs)
        self.steps_per_epoch = max(1, len(labels) // batch_size)
        self._seed = seed

    def indices(self, step: int) -> Int[np.ndarray, "batch"]:
        """The images of a step, pair after pair."""
        rng = random(self._seed, 2, step)
        drawn = rng.integers(self._ends[-1], size=self._same)
        which = np.searchsorted(self._ends, drawn, side="right")
        person = self._with_pairs[which]
        count = self._images.counts[person]
        one = drawn - (self._ends[which] - count)
        # Another image of the same person: one of the count − 1 others, counted on from this one.
        other = (one + 1 + (rng.random(self._same) * (count - 1)).astype(np.int64)) % count
        same = np.stack([self._images.at(person, one), self._images.at(person, other)], 1)
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
            f"{self.batch_size} images; same-person pairs come from {len(self._with_pairs)} people with two "
            f"images or more; {self.steps_per_epoch} batches an epoch"
        )


def _some_of_each(rng: np.random.Generator, counts: Int[np.ndarray, "people"], k: int) -> Int[np.ndarray, "people k"]:
    """K of 0 … count − 1 for each person: all different where there are enough, else every one before any comes again.

    Floyd's sampling, for all people at once (Bentley and Floyd 1987, "A Sample of Brilliance"): k draws each, however many
    images they have.
    """
    rounds, rest = np.divmod(k, counts)  # whole rounds of all images, and how many more
    chosen = np.zeros((len(counts), k), np.int64)
    for draw in range(int(rest.max())):
        last = counts - rest + draw
        place = (rng.random(len(counts)) * (last + 1)).astype(np.int64)
        taken = (chosen[:, :draw] == place[:, None]).any(axis=1)
        chosen[:, draw] = np.where(taken, last, place)
    number, whole = np.arange(k), (rounds * counts)[:, None]
    more = np.take_along_axis(chosen, np.maximum(number - whole, 0), axis=1)
    return np.where(number < whole, number % counts[:, None], more)


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
