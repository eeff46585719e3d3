"""The first batch of a run, as it is stored and as the network sees it."""

from functools import partial

import jax
import numpy as np
from jaxtyping import UInt8

from lfw_jax.augmentation import Augmentation, augment_slice, to_pixels
from lfw_jax.jobs.experiment import Experiment
from lfw_jax.report.contact_sheet import contact_sheet
from lfw_jax.training.step import step_keys

_IMAGES = 32
_COLUMNS = 8
_SEAM = 2  # pixels between the two pictures of a pair


def first_batch_sheet(experiment: Experiment) -> UInt8[np.ndarray, "height width 3"]:
    """Up to 32 images of step 0's batch: left as stored, right what the network sees, under the keys of that step."""
    images, stored = experiment.first_images(_IMAGES)
    seen = network_input(experiment, stored, step=0)
    shown = images.keys()
    captions = [f"{name.replace('_', ' ')} {number}" for name, number in shown]
    return contact_sheet(
        [_beside(left, right) for left, right in zip(stored, seen, strict=True)],
        captions,
        columns=_COLUMNS,
        title="Step 0: left the stored square with its margin, right what the network sees of it",
    )


def network_input(
    experiment: Experiment, stored: UInt8[np.ndarray, "images stored stored 3"], *, step: int
) -> UInt8[np.ndarray, "images side side 3"]:
    """What the network sees of the first images of a step's batch, in whole grey values."""
    config = experiment.config
    options = Augmentation.from_config(config.augmentation)
    change = jax.jit(partial(augment_slice, side=config.data.side, options=options))
    return to_pixels(change(step_keys(config.seed, step)[0], stored))


def _beside(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Two squares side by side on white, the smaller one in the middle of its height."""
    height, width = left.shape[0], left.shape[1] + _SEAM + right.shape[1]
    pair = np.full((height, width, 3), 255, np.uint8)
    pair[:, : left.shape[1]] = left
    top = (height - right.shape[0]) // 2
    pair[top : top + right.shape[0], left.shape[1] + _SEAM :] = right
    return pair
