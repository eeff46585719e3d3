"""Samplers of batches: pure functions of (seed, step).

A resumed run therefore neither repeats nor skips a batch. A sampler holds the labels and a few bytes per identity.
`indices(step)` returns the indices of the images of that step's batch; several threads may call it at the same time.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from jaxtyping import Int

from lfw_jax.data.batches.images_by_identity import count_identities
from lfw_jax.data.batches.permutation import Epochs
from lfw_jax.data.batches.pk_sampling import PKSampler
from lfw_jax.data.batches.random_pairs import RandomPairs
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
        self._epochs = Epochs(len(labels), seed)
        self._images, self._identities = len(labels), count_identities(labels)

    def indices(self, step: int) -> Int[np.ndarray, "batch"]:
        """Return the indices of the images of a step."""
        return self._epochs.take(step, self.batch_size)

    def describe(self) -> str:
        """Describe the sampling in one line."""
        return (
            f"uniform: {self._images:,} images of {self._identities:,} identities, each once per epoch; batches of "
            f"{self.batch_size}, {self.steps_per_epoch} per epoch"
        )


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
