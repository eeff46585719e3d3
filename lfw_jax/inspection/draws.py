"""What a sampler makes of a training set: how often it draws whom, and how many positive pairs a batch holds."""

import dataclasses
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from lfw_jax.data.batches.sampling import Sampler
from lfw_jax.inspection.people import bins

_EPOCHS = 4
_STEPS = 1_000
# An image that is drawn less than once in so many epochs is seldom drawn.
_SELDOM_EPOCHS = 4


@dataclasses.dataclass(frozen=True, eq=False)
class Draws:
    """The draws of a sampler's first epochs.

    Attributes:
      batch_size: images in a batch.
      steps_per_epoch: batches an epoch.
      steps: batches that were looked at.
      counts: `[images]`, how often each training image was drawn in them.
      labels: `[images]`, the person of each.
      positives: `[steps]`, pairs of two different images of one person, among those that the loss sees in a batch.
    """

    batch_size: int
    steps_per_epoch: int
    steps: int
    counts: Int[np.ndarray, "images"]
    labels: Int[np.ndarray, "images"]
    positives: Int[np.ndarray, "steps"]

    @property
    def epochs(self) -> float:
        """How many epochs were looked at."""
        return self.steps / self.steps_per_epoch

    def summary(self, names: tuple[str, ...]) -> dict[str, Any]:
        """What goes into inspection.json.

        Args:
          names: the training people.
        """
        images_of = np.bincount(self.labels, minlength=len(names))
        drawn_of = np.bincount(self.labels, self.counts, minlength=len(names))
        # Draws of one of a person's images in an epoch. Samplers do not prefer one image of a person to another, and a
        # mean over the person is steadier than the counts of four epochs.
        rates = drawn_of / np.maximum(images_of, 1) / self.epochs
        seldom = (rates > 0) & (rates < 1 / _SELDOM_EPOCHS)
        single = images_of == 1
        return {
            "batch_size": self.batch_size,
            "steps_per_epoch": self.steps_per_epoch,
            "steps_looked_at": self.steps,
            "epochs_looked_at": self.epochs,
            "images": len(self.labels),
            "never_images": int((self.counts == 0).sum()),
            "never_people": int((drawn_of == 0).sum()),
            "seldom_images": int(images_of[seldom].sum()),
            "seldom_epochs": _SELDOM_EPOCHS,
            "singletons_of_draws": float(self.counts[single[self.labels]].sum() / max(self.counts.sum(), 1)),
            "singletons_of_people": float(single.mean()),
            "positive_pairs_a_batch": float(self.positives.mean()),
            "batches_without_positive_pair": float((self.positives == 0).mean()),
            "by_images_of_person": _by_images(images_of, drawn_of / self.epochs),
        }


def count_draws(sampler: Sampler, labels: Int[np.ndarray, "images"], *, paired: bool = False) -> Draws:
    """Draw four epochs of batches, at most 1,000, and count.

    Args:
      sampler: of the training set.
      labels: the person of each training image.
      paired: batches are pairs: images 2j and 2j + 1 are compared, and no others.
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


def _by_images(images_of: Int[np.ndarray, "people"], drawn_of: Float[np.ndarray, "people"]) -> list[dict[str, float]]:
    """How often an image is drawn in an epoch, by how many its person has."""
    lows, place = bins(images_of)
    images = np.bincount(place, images_of, minlength=len(lows))
    draws = np.bincount(place, drawn_of, minlength=len(lows))
    return [
        {"from": lows[i], "images": int(images[i]), "a_epoch": float(draws[i] / images[i])}
        for i in np.flatnonzero(images).tolist()
    ]


def _pairs_within(values: Int[np.ndarray, "batch"]) -> int:
    """Pairs of equal values."""
    counts = np.unique(values, return_counts=True)[1]
    return int((counts * (counts - 1) // 2).sum())
