"""The complete inspection of a data set, also if training on it cannot begin."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
from jaxtyping import UInt8

from lfw_jax.data.batches.sampling import Sampler, build_sampler
from lfw_jax.data.decoding.crop import CropGeometry
from lfw_jax.data.decoding.decoder import decode
from lfw_jax.data.images import ImageSet, Skipped
from lfw_jax.data.protocols.splits import Split
from lfw_jax.errors import UserError
from lfw_jax.inspection import duplicates
from lfw_jax.inspection.concerns import Plan, concerns
from lfw_jax.inspection.draws import Draws, count_draws
from lfw_jax.inspection.headers import Headers, Report, read_headers
from lfw_jax.inspection.likeness import Likeness, find_likeness
from lfw_jax.inspection.parts import Parts, assign_parts
from lfw_jax.inspection.people import ImagesPerPerson, images_per_person

Stage = Callable[[str, int], AbstractContextManager[Report]]
"""Announces a stage by name and number of images, and yields a function that takes the number of finished ones."""


@dataclasses.dataclass(frozen=True, eq=False)
class Survey:
    """The result of an inspection.

    Attributes:
      images: the data set.
      people: the number of images per identity.
      headers: the headers of the images.
      likeness: the duplicates.
      parts: the parts of the split; None if the split failed.
      sampler: the sampler of the training set, or of all images if the split failed; None if it failed itself.
      draws: the statistics of the sampler; None without a sampler.
      faults: the errors that prevent training.
      concerns: problems that training would have.
    """

    images: ImageSet
    people: ImagesPerPerson
    headers: Headers
    likeness: Likeness
    parts: Parts | None
    sampler: Sampler | None
    draws: Draws | None
    faults: tuple[str, ...]
    concerns: tuple[str, ...]

    @property
    def unreadable(self) -> list[Skipped]:
        """The files and images that cannot be used: skipped by the source, or found by the inspection."""
        return [*self.images.skipped, *self.headers.unreadable, *self.likeness.undecodable]

    def summary(self) -> dict[str, Any]:
        """Return the facts as plain values, for inspection.json, the terminal and the page."""
        training_names = self.parts.split.training.names if self.parts else self.images.names
        unreadable = self.unreadable
        return {
            "people": len(self.identities.names),
            "images": len(self.images),
            "images_per_person": self.identities.summary(),
            "files": self.headers.summary(self.images),
            "unreadable": {
                "count": len(unreadable),
                "reasons": dict(Counter(item.reason for item in unreadable).most_common()),
                "files": [dataclasses.asdict(item) for item in unreadable],
            },
            "duplicates": duplicates.summary(self.images, self.likeness, self.parts),
            "split": self.parts.summary(self.images) if self.parts else None,
            "sampler": {
                "description": self.sampler.describe(),
                "of_all_images": self.parts is None,
                **self.draws.summary(training_names),
            }
            if self.sampler and self.draws
            else None,
            "faults": list(self.faults),
            "concerns": list(self.concerns),
        }

    def sample_crops(self, geometry: CropGeometry, count: int, *, seed: int) -> list[UInt8[np.ndarray, "side side 3"]]:
        """Return the inputs of the network for random images.

        Args:
          geometry: the crop geometry.
          count: the number of images; fewer in a small set.
          seed: the seed of the choice.
        """
        order = np.random.default_rng(seed).permutation(self.headers.indices)[: 2 * count]
        pictures: list[np.ndarray] = []
        for index in order.tolist():
            if len(pictures) < count:
                try:
                    pictures.append(decode(self.images.images[index], geometry))
                except OSError:  # listed as undecodable
                    continue
        return pictures


def survey(
    images: ImageSet,
    sampler_config: Mapping[str, Any],
    plan: Plan,
    partition: Callable[[], Split],
    *,
    seed: int,
    stage: Stage,
) -> Survey:
    """Inspect everything in a data set that a training would use.

    Args:
      images: the data set.
      sampler_config: the `sampler` part of a configuration.
      plan: the use of the images in training.
      partition: splits the set as a training would.
      seed: the seed of the sampler.
      stage: announces the stages of the work.

    Returns:
      The result. Errors of the split and of the sampler are not raised, but become its `faults`.
    """
    with stage("reading headers", len(images)) as report:
        headers = read_headers(images, report=report)
    with stage("comparing images", len(headers.indices)) as report:
        likeness = find_likeness(images, headers.indices, report=report)
    faults: list[str] = []
    leaves_out = sampler_config["name"] == "people_images" and sampler_config["short"] == "leave_out"
    try:
        parts = assign_parts(
            images,
            partition(),
            least_images=sampler_config["images_per_person"] if leaves_out else 1,
        )
    except UserError as error:
        parts = None
        faults.append(str(error))
    labels = parts.split.training.labels if parts else images.labels
    sampler, draws = None, None
    try:
        sampler = build_sampler(sampler_config, labels, seed=seed)
    except UserError as error:
        faults.append(str(error))
    else:
        with stage("sampling batches", 0):
            draws = count_draws(sampler, labels, paired=sampler_config["name"] == "pairs")
    people = images_per_person(images.names, images.labels)
    found = concerns(images, plan, people, headers, likeness, parts, draws)
    return Survey(images, people, headers, likeness, parts, sampler, draws, tuple(faults), tuple(found))
