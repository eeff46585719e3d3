"""A configuration turned into the parts of an experiment: data, sampler, network, objective, step."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import UInt8
from ml_collections import ConfigDict

from lfw_jax.augmentation import Augmentation
from lfw_jax.data.batches.loading import choose_loader, decode_all, stream
from lfw_jax.data.batches.sampling import Sampler, build_sampler
from lfw_jax.data.decoding.crop import CropGeometry
from lfw_jax.data.images import ImageSet
from lfw_jax.data.pair_list import PairList
from lfw_jax.data.protocols.evaluation_sets import EvaluationSet
from lfw_jax.data.protocols.partition import EvaluationPlan, partition
from lfw_jax.data.protocols.splits import Split
from lfw_jax.data.sources import read_source
from lfw_jax.errors import UserError
from lfw_jax.evaluation.embedding import Embed, embed_all, make_embed
from lfw_jax.evaluation.verification import pair_distances
from lfw_jax.faces.align_set import aligned_images
from lfw_jax.models import build
from lfw_jax.report.progress import stage
from lfw_jax.training.devices import AXIS, Devices, choose_devices, place_copies
from lfw_jax.training.loop import Batch, Intervals
from lfw_jax.training.objectives.build import build_objective
from lfw_jax.training.objectives.objective import Objective
from lfw_jax.training.optimizer import build_optimizer, build_schedule
from lfw_jax.training.resident import ResidentStep, check_room, resident_batches, resident_step
from lfw_jax.training.state import State, init_state
from lfw_jax.training.step import Step, make_step


@dataclasses.dataclass(frozen=True, eq=False)
class Experiment:
    """The parts of one experiment, all checked before anything is written.

    Attributes:
      config: what it was made from.
      split: the data.
      evaluation_plan: what it is judged on besides the split's own pairs.
      sampler: which training images each step shows.
      devices: what it runs on.
      objective: what is minimised.
      schedule: learning rate of each step.
      state: a fresh state.
      step: the per-device step, of a batch or of a set that is on the devices.
      intervals: when to log, evaluate and stop.
    """

    config: ConfigDict
    split: Split
    evaluation_plan: EvaluationPlan
    sampler: Sampler
    devices: Devices
    objective: Objective
    schedule: Any
    state: State
    step: Step | ResidentStep
    intervals: Intervals
    _geometry: CropGeometry
    _embed: Embed
    _embed_quick: Embed

    def batches(self, start: int) -> Iterator[Batch]:
        """What the step takes besides the state, for every step from `start` to the end."""
        images, geometry, data = self.split.training, self._geometry, self.config.data
        stop = self.intervals.total
        if data.resident:
            yield from resident_batches(
                place_copies((decode_all(images, geometry, loader=data.loader), images.labels), self.devices),
                self.sampler.indices,
                start=start,
                stop=stop,
                devices=self.devices,
            )
            return
        if data.keep_decoded:
            pixels = decode_all(images, geometry, loader=data.loader)
            images, geometry = (
                dataclasses.replace(images, images=pixels, storage="pixels"),
                CropGeometry(geometry.stored_side),
            )
        drawn: dict[int, np.ndarray] = {}  # so that nothing is drawn twice, for images and for labels

        def indices(step: int) -> np.ndarray:
            drawn[step] = self.sampler.indices(step)
            return drawn[step]

        squares = stream(images, indices, start=start, stop=stop, geometry=geometry, loader=data.loader)
        for step, batch in zip(range(start, stop), squares, strict=True):
            yield batch, images.labels[drawn.pop(step)]

    def first_images(self, count: int) -> tuple[ImageSet, UInt8[np.ndarray, "images stored stored 3"]]:
        """The first images of step 0's batch, and their stored squares."""
        images = self.split.training.where(self.sampler.indices(0)[:count])
        return images, decode_all(images, self._geometry, loader=self.config.data.loader)

    def pixels(self, pairs: PairList, of: EvaluationSet | None = None) -> np.ndarray:
        """The decoded images of a list, each once, in the order of `pairs.keys()`: a list of the split, or `of` a set."""
        images = (of.images if of else self.split.images_of(pairs)).of_keys(pairs.keys())
        loader, margin = self.config.data.loader, self._geometry.margin
        if self.config.data.align and (of.aligned if of else pairs in self.split.aligned):
            # What was aligned elsewhere has no margin: all of it is what the network sees.
            return decode_all(images, CropGeometry(self._geometry.side, margin=margin), loader=loader)
        return decode_all(images, self._geometry, loader=loader)

    def distances(self, state: State, pairs: PairList, pixels: np.ndarray, *, quick: bool = False) -> np.ndarray:
        """The distance of each pair under a state; `quick` leaves out the shifted views."""
        embed = self._embed_quick if quick else self._embed
        embeddings = embed_all(embed, state.variables(), pixels, batch_size=self.config.evaluation.batch_size)
        return pair_distances(embeddings, *pairs.indices())

    def pixel_distances(self, pairs: PairList, pixels: np.ndarray) -> np.ndarray:
        """The distance of each pair's pixels, every image brought to mean 0 and length 1: what a network must beat."""
        inside = slice(self._geometry.margin, self._geometry.margin + self._geometry.side)
        flat = pixels[:, inside, inside].reshape(len(pixels), -1).astype(np.float32)
        return pair_distances(flat - flat.mean(axis=1, keepdims=True), *pairs.indices())


def build_experiment(config: ConfigDict, workdir: Path, *, to_train: bool = True) -> Experiment:
    """Read the data and build every part.

    Args:
      config: the whole configuration.
      workdir: the work directory, which need not exist.
      to_train: whether it will be trained, and not evaluated alone: only then must the training set fit where it shall lie.

    Raises:
      UserError: anything in the configuration or the data that cannot work, before training begins.
    """
    data, training = config.data, config.training
    for key, value, least in (
        ("seed", config.seed, 0),
        ("training.log_every", training.log_every, 1),
        ("evaluation.batch_size", config.evaluation.batch_size, 1),
    ):
        if value < least:
            raise UserError(f"--config.{key} is {value}; expected {least} or more.")
    devices = choose_devices(training.devices, config.sampler.batch_size)
    geometry = crop_geometry_of(data)
    choose_loader(data.loader)
    augmentation = Augmentation.from_config(config.augmentation)
    if config.evaluation.shift > data.margin:
        raise UserError(
            f"--config.evaluation.shift is {config.evaluation.shift}, more than --config.data.margin {data.margin}; shifted "
            "views need that many pixels around the square."
        )
    if config.evaluation.checkpoint not in ("best", "last"):
        raise UserError(f"--config.evaluation.checkpoint is '{config.evaluation.checkpoint}'; expected best or last.")
    network = build(config.model)
    images, lists_beside = read_source(data, workdir.parent / "synthetic")
    crop = 1.0
    if data.align:
        images, crop, note = aligned_images(images, config, stage=stage)
        geometry = dataclasses.replace(geometry, crop=crop)
        print(note)
    align = (lambda others: aligned_images(others, config, stage=stage)[0]) if data.align else None
    parts, evaluation_plan = partition(images, config, lists_beside, workdir, align, crop)
    if data.resident and to_train:
        check_room(len(parts.training), geometry.stored_side, devices)
    sampler = build_sampler(config.sampler, parts.training.labels, seed=config.seed)
    objective = build_objective(
        config.loss,
        config.miner,
        classes=len(parts.training.names),
        embedding_dim=config.model.embedding_dim,
        paired=config.sampler.name == "pairs",
        batch_size=config.sampler.batch_size,
        memory=config.memory.size,
    )
    schedule = build_schedule(config.optimizer, total_epochs=training.epochs, steps_per_epoch=sampler.steps_per_epoch)
    optimizer = build_optimizer(config.optimizer, schedule)
    state = init_state(jax.random.key(config.seed), network, objective, optimizer, side=data.side)
    step = make_step(
        build(config.model, axis_name=AXIS), objective, optimizer, augmentation, side=data.side, seed=config.seed
    )
    intervals = Intervals(
        total=max(1, round(training.epochs * sampler.steps_per_epoch)),
        log_every=training.log_every,
        evaluate_every=max(1, round(config.evaluation.every_epochs * sampler.steps_per_epoch)),
        seconds=60 * training.max_minutes,
    )

    def apply(variables: Any, inputs: jax.Array) -> Any:
        return network.apply(variables, inputs, train=False)

    flip, shift = config.evaluation.flip, config.evaluation.shift
    return Experiment(
        config=config,
        split=parts,
        evaluation_plan=evaluation_plan,
        sampler=sampler,
        devices=devices,
        objective=objective,
        schedule=schedule,
        state=state,
        step=resident_step(step) if data.resident else step,
        intervals=intervals,
        _geometry=geometry,
        _embed=make_embed(apply, side=data.side, flip=flip, shift=shift),
        _embed_quick=make_embed(apply, side=data.side, flip=flip),
    )


def crop_geometry_of(data: ConfigDict) -> CropGeometry:
    """What of an image `config.data` shows, and how large. Raises UserError for values that cannot be."""
    if data.side < 8 or data.margin < 0 or not 0 < data.crop <= 1:
        raise UserError(
            f"--config.data: side {data.side}, crop {data.crop:g} and margin {data.margin}: expected a side of at least 8 "
            "pixels, a crop above 0 and up to 1, and a margin of 0 or more."
        )
    return CropGeometry(data.side, data.crop, data.margin)
