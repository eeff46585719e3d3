"""A configuration turned into the parts of an experiment: data, sampler, network, objective, step."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from lfw_jax.data.augmentation import Augmentation
from lfw_jax.data.decoding import Framing
from lfw_jax.data.images import ImageSet
from lfw_jax.data.loading import choose_loader, decode_all, stream
from lfw_jax.data.protocols import PairList
from lfw_jax.data.sampling import Sampler, build_sampler
from lfw_jax.data.sources import read_source
from lfw_jax.data.splits import Split, split
from lfw_jax.errors import UserError
from lfw_jax.evaluation.embedding import Embed, embed_all, make_embed
from lfw_jax.evaluation.verification import pair_distances
from lfw_jax.models import build
from lfw_jax.training.devices import AXIS, Devices, choose_devices
from lfw_jax.training.loop import Batch, Rhythm
from lfw_jax.training.objective import Objective
from lfw_jax.training.optimizer import build_optimizer, build_schedule
from lfw_jax.training.registry import build_objective
from lfw_jax.training.state import State, init_state
from lfw_jax.training.step import Step, make_step


@dataclasses.dataclass(frozen=True, eq=False)
class Experiment:
    """The parts of one experiment, all checked before anything is written.

    Attributes:
      config: what it was made from.
      split: the data.
      sampler: which training images each step shows.
      devices: what it runs on.
      objective: what is minimised.
      schedule: learning rate of each step.
      state: a fresh state.
      step: the per-device step.
      rhythm: when to log, evaluate and stop.
    """

    config: ConfigDict
    split: Split
    sampler: Sampler
    devices: Devices
    objective: Objective
    schedule: Any
    state: State
    step: Step
    rhythm: Rhythm
    _framing: Framing
    _embed: Embed
    _embed_quick: Embed

    def batches(self, start: int) -> Iterator[Batch]:
        """Images and labels of every step from `start` to the end."""
        images, framing = self.split.training, self._framing
        if self.config.data.keep_decoded:
            pixels = decode_all(images, framing, loader=self.config.data.loader)
            images, framing = dataclasses.replace(images, images=pixels, storage="pixels"), Framing(framing.stored)
        stop = self.rhythm.total
        pixels = stream(
            images, self.sampler.indices, start=start, stop=stop, framing=framing, loader=self.config.data.loader
        )
        for step, batch in zip(range(start, stop), pixels, strict=True):
            yield batch, images.labels[self.sampler.indices(step)]

    def pixels(self, pairs: PairList) -> np.ndarray:
        """The decoded images of a list, each once, in the order of `pairs.keys()`."""
        images = self.split.source.of_keys(pairs.keys())
        return decode_all(images, self._framing, loader=self.config.data.loader)

    def distances(self, state: State, pairs: PairList, pixels: np.ndarray, *, quick: bool = False) -> np.ndarray:
        """The distance of each pair under a state; `quick` leaves out the shifted views."""
        embed = self._embed_quick if quick else self._embed
        embeddings = embed_all(embed, state.variables(), pixels, batch_size=self.config.evaluation.batch_size)
        return pair_distances(embeddings, *pairs.indices())

    def pixel_distances(self, pairs: PairList, pixels: np.ndarray) -> np.ndarray:
        """The distance of each pair's pixels, every image brought to mean 0 and length 1: what a network must beat."""
        inside = slice(self._framing.margin, self._framing.margin + self._framing.side)
        flat = pixels[:, inside, inside].reshape(len(pixels), -1).astype(np.float32)
        return pair_distances(flat - flat.mean(axis=1, keepdims=True), *pairs.indices())


def build_experiment(config: ConfigDict, workdir: Path) -> Experiment:
    """Read the data and build every part.

    Raises:
      UserError: anything in the configuration or the data that cannot work, before training begins.
    """
    data, training = config.data, config.training
    devices = choose_devices(training.devices, config.sampler.batch_size)
    framing = _framing(data)
    choose_loader(data.loader)
    augmentation = Augmentation(**config.augmentation)
    if config.evaluation.shift > data.margin:
        raise UserError(
            f"--config.evaluation.shift is {config.evaluation.shift}, more than --config.data.margin {data.margin}; shifted "
            "views need that many pixels around the square."
        )
    if config.evaluation.checkpoint not in ("best", "last"):
        raise UserError(f"--config.evaluation.checkpoint is '{config.evaluation.checkpoint}'; expected best or last.")
    network = build(config.model)
    images, lists_beside = read_source(data, workdir.parent / "synthetic")
    parts = split(images, data, lists_beside, seed=config.seed)
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
    rhythm = Rhythm(
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
        sampler=sampler,
        devices=devices,
        objective=objective,
        schedule=schedule,
        state=state,
        step=step,
        rhythm=rhythm,
        _framing=framing,
        _embed=make_embed(apply, side=data.side, flip=flip, shift=shift),
        _embed_quick=make_embed(apply, side=data.side, flip=flip),
    )


def _framing(data: ConfigDict) -> Framing:
    if data.side < 8 or data.margin < 0 or not 0 < data.crop <= 1:
        raise UserError(
            f"--config.data: side {data.side}, crop {data.crop:g} and margin {data.margin}: expected a side of at least 8 "
            "pixels, a crop above 0 and up to 1, and a margin of 0 or more."
        )
    return Framing(data.side, data.crop, data.margin)


def image_names(images: ImageSet) -> str:
    """How many images and people, in words."""
    return f"{len(images):,} images of {len(images.names):,} people"
