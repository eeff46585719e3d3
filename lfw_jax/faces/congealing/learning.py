"""Learning the alignment of an image set, with a cache."""

import dataclasses
import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from lfw_jax.data.batches.feeder import cores
from lfw_jax.data.decoding.whole import decode_whole
from lfw_jax.data.images import ImageSet
from lfw_jax.errors import UserError
from lfw_jax.faces.congealing.features import grey_square
from lfw_jax.faces.congealing.fitting import fit_alignment_model
from lfw_jax.faces.congealing.model import AlignmentModel, CongealingSettings
from lfw_jax.faces.stage import Stage

_IMAGES_AT_ONCE = 1024


def learn_alignment(
    training: ImageSet, settings: CongealingSettings, cache: Path, *, seed: int, stage: Stage
) -> AlignmentModel:
    """Return the alignment learned from the images of a training set.

    It is learned by the first call; later calls with the same images, settings and seed read it.

    Args:
      training: the training images. Their identities have no influence.
      settings: the settings of the fit.
      cache: the folder of learned alignments.
      seed: the seed of the sample of images and of the random transforms.
      stage: announces the stages of the work.

    Raises:
      UserError: there are too few images, or the cache cannot be written.
    """
    rng = np.random.default_rng(seed)
    count = min(len(training), settings.images)
    sample = np.sort(rng.choice(len(training), count, replace=False))
    with stage("reading the training images", count) as progress:
        squares = _read(training, sample, settings.crop, progress)
    about = json.dumps({**dataclasses.asdict(settings), "seed": seed}, sort_keys=True)
    origin = hashlib.blake2b(about.encode() + squares.tobytes(), digest_size=16).hexdigest()
    path = cache / f"{origin}.npz"
    if path.is_file():
        return AlignmentModel.load(path)
    with stage("learning the alignment", settings.rounds * len(settings.stages)) as progress:
        model = fit_alignment_model(squares, settings, seed, origin=origin, progress=progress)
    model.save(path)
    return model


def _read(images: ImageSet, indices: np.ndarray, crop: float, progress) -> UInt8[np.ndarray, "images s s"]:
    """Return the grey squares of images, without those that cannot be read."""

    def square(index: int) -> UInt8[np.ndarray, "s s"] | None:
        try:
            return grey_square(decode_whole(images.images[index]), crop)
        except OSError:  # the alignment itself reports it
            return None

    squares = []
    with ThreadPoolExecutor(cores()) as threads:
        for start in range(0, len(indices), _IMAGES_AT_ONCE):
            some = indices[start : start + _IMAGES_AT_ONCE].tolist()
            squares += [found for found in threads.map(square, some) if found is not None]
            progress(start + len(some))
    if len(squares) < 2:
        raise UserError(
            f"--config.align.engine=congealing: {len(squares)} training images can be read; expected at least 2, and thousands "
            "for a useful alignment. Check --config.data.dir."
        )
    return np.stack(squares)
