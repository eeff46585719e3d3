"""Statistics of a sampler on a training set: samples per image, positive pairs per batch."""

import dataclasses
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from lfw_jax.data.batches.sampling import Sampler
from lfw_jax.inspection.images_per_identity import bins

_EPOCHS = 4
_STEPS = 1_000
# An image that is sampled less than once in so many epochs counts as rarely sampled.
_SELDOM_EPOCHS = 4


@dataclasses.dataclass(frozen=True, eq=False)
class Draws:
    """The images sampled in the first epochs.

    Attributes:
      batch_size: images per batch.
      steps_per_epoch: batches per epoch.
      steps: the number of batches examined.
      counts: `[images]`, how many times each training image was sampled in them.
      labels: `[images]`, the identity of each training image.
      positives: `[steps]`, the number of pairs of different images of one identity among the pairs that the loss compares.
    """

    batch_size: int
    steps_per_epoch: int
    steps: int
    counts: Int[np.ndarray, "images"]
    labels: Int[np.ndarray, "images"]
    positives: Int[np.ndarray, "steps"]

    @property
    def epochs(self) -> float:
        """The number of epochs examined."""
        return self.steps / self.steps_per_epoch

    def summary(self, names: tuple[str, ...]) -> dict[str, Any]:
        """Return the statistics for inspection.json.

        Args:
          names: the training identities.
        """
        images_of = np.bincount(self.labels, minlength=len(names))
        sampled_of = np.bincount(self.labels, self.counts, minlength=len(names))
        # The rate at which an image of each identity is sampled, per epoch. Samplers prefer no image of an identity, and the
        # mean over the identity has less noise than the counts of single images in four epochs.
        rates = sampled_of / np.maximum(images_of, 1) / self.epochs
        seldom = (rates > 0) & (rates < 1 / _SELDOM_EPOCHS)
        single = images_of == 1
        return {
            "batch_size": self.batch_size,
            "steps_per_epoch": self.steps_per_epoch,
            "steps_examined": self.steps,
            "epochs_examined": self.epochs,
            "images": len(self.labels),
            "never_images": int((self.counts == 0).sum()),
            "never_identities": int((sampled_of == 0).sum()),
            "seldom_images": int(images_of[seldom].sum()),
            "seldom_epochs": _SELDOM_EPOCHS,
            "singletons_of_draws": float(self.counts[single[self.labels]].sum() / max(self.counts.sum(), 1)),
            "singletons_of_identities": float(single.mean()),
            "positive_pairs_per_batch": float(self.positives.mean()),
            "batches_without_positive_pair": float((self.positives == 0).mean()),
            "by_images_of_identity": _by_images(images_of, sampled_of / self.epochs),
        }


def count_draws(sampler: Sampler, labels: Int[np.ndarray, "images"], *, paired: bool = False) -> Draws:
    """Sample four epochs of batches, at most 1,000, and count.

    Args:
      sampler: the sampler of the training set.
      labels: `[images]`, the identity of each training image.
      paired: whether a batch consists of pairs, so that only images 2j and 2j + 1 are compared.

    Returns:
      The counts.
    """
    steps = min(_EPOCHS * sampler.steps_per_epoch, _STEPS)
    counts = np.zeros(len(labels), np.int64)
    positives = np.zeros(steps, np.int64)
    for step in range(steps):
        batch = np.asarray(sampler.indices(step), np.int64)
        np.add.at(counts, batch, 1)
        if paired:
            first, second = batch[0::2], batch[1::2]
            positives[step] = int(((labels[first] == labels[second]) & (first != second)).sum())
        else:
            positives[step] = _pairs_within(labels[batch]) - _pairs_within(batch)
    return Draws(sampler.batch_size, sampler.steps_per_epoch, steps, counts, np.asarray(labels), positives)


def _by_images(
    images_of: Int[np.ndarray, "identities"], sampled_of: Float[np.ndarray, "identities"]
) -> list[dict[str, float]]:
    """Return how many times an image is sampled per epoch, by the number of images of its identity."""
    lows, which = bins(images_of)
    images = np.bincount(which, images_of, minlength=len(lows))
    draws = np.bincount(which, sampled_of, minlength=len(lows))
    return [
        {"from": lows[i], "images": int(images[i]), "per_epoch": float(draws[i] / images[i])}
        for i in np.flatnonzero(images).tolist()
    ]


def _pairs_within(values: Int[np.ndarray, "batch"]) -> int:
    """Count the pairs of equal values."""
    counts = np.unique(values, return_counts=True)[1]
    return int((counts * (counts - 1) // 2).sum())
