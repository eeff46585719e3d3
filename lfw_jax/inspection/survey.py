"""The whole inspection of a set: every fact that can be had, also where training on it cannot begin."""

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
"""Announces a stage by name and number of images; what it gives is told how many are done."""


@dataclasses.dataclass(frozen=True, eq=False)
class Survey:
    """What was found in a set.

    Attributes:
      images: the set.
      people: images a person.
      headers: sizes, kinds, bytes.
      likeness: images that are alike.
      parts: who trains and who is judged; None where the split fails.
      sampler: what would draw the batches, of all images where the split fails; None where it fails itself.
      draws: how often it draws whom; None without a sampler.
      faults: what keeps a training from beginning, in the words of whoever refuses.
      concerns: what would go wrong in it.
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
        """Every file or image that cannot be used: skipped by the source, or found here."""
        return [*self.images.skipped, *self.headers.unreadable, *self.likeness.undecodable]

    def summary(self) -> dict[str, Any]:
        """The facts as plain values, for inspection.json, the terminal and the page."""
        drawn_people = self.parts.split.training.names if self.parts else self.images.names
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
                **self.draws.summary(drawn_people),
            }
            if self.sampler and self.draws
            else None,
            "faults": list(self.faults),
            "concerns": list(self.concerns),
        }

    def sample_crops(self, geometry: CropGeometry, count: int, *, seed: int) -> list[UInt8[np.ndarray, "side side 3"]]:
        """What a network sees of some random images; fewer than `count` in a small set."""
        order = np.random.default_rng(seed).permutation(self.headers.indices)[: 2 * count]
        pictures: list[np.ndarray] = []
        for place in order.tolist():
            if len(pictures) < count:
                try:
                    pictures.append(decode(self.images.images[place], geometry))
                except OSError:  # listed as undecodable; another one serves as well
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
    """Look at everything in a set that a training would use. Refusals of the split or the sampler become `faults`.

    Args:
      images: the set.
      sampler_config: the `sampler` part of a configuration.
      plan: what training means to do with the images.
      partition: splits the set as the training would.
      seed: of the drawn batches.
      stage: announces what takes time.
    """
    with stage("reading headers", len(images)) as report:
        headers = read_headers(images, report=report)
    with stage("comparing pictures", len(headers.indices)) as report:
        likeness = find_likeness(images, headers.indices, report=report)
    faults: list[str] = []
    leaves_out = sampler_config["name"] == "people_images" and sampler_config["short"] == "leave_out"
    try:
        parts = assign_parts(
            images,
            partition(),
            drawn_from=sampler_config["images_per_person"] if leaves_out else 1,
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
        with stage("drawing batches", 0):
            draws = count_draws(sampler, labels, paired=sampler_config["name"] == "pairs")
    people = images_per_person(images.names, images.labels)
    found = concerns(images, plan, people, headers, likeness, parts, draws)
    return Survey(images, people, headers, likeness, parts, sampler, draws, tuple(faults), tuple(found))
