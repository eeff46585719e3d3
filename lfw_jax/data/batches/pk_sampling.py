"""PK sampling: batches of P identities with K images each."""

import numpy as np
from jaxtyping import Int

from lfw_jax.data.batches.images_by_identity import ImagesByIdentity
from lfw_jax.data.batches.permutation import Epochs, random
from lfw_jax.errors import UserError


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
        self._epochs = Epochs(len(self._identities), seed)

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
