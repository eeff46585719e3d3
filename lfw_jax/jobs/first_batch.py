"""The first batch of a run: each image as stored and as network input."""

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
    """Return a contact sheet of up to 32 images of the first batch.

    Each image is shown as stored on the left and as network input, augmented with the random keys of step 0, on the
    right.

    Args:
      experiment: The experiment.

    Returns:
      The sheet as an RGB image.
    """
    images, stored = experiment.first_images(_IMAGES)
    inputs = network_input(experiment, stored, step=0)
    keys = images.keys()
    captions = [f"{name.replace('_', ' ')} {number}" for name, number in keys]
    return contact_sheet(
        [_beside(left, right) for left, right in zip(stored, inputs, strict=True)],
        captions,
        columns=_COLUMNS,
        title="Step 0. Left: the stored crop with its margin. Right: the augmented network input.",
    )


def network_input(
    experiment: Experiment, stored: UInt8[np.ndarray, "images stored stored 3"], *, step: int
) -> UInt8[np.ndarray, "images side side 3"]:
    """Return the network input for the first images of a step's batch, as 8-bit pixels.

    Args:
      experiment: The experiment.
      stored: Images as stored, with their margin.
      step: Index of the step, from 0.

    Returns:
      The augmented images.
    """
    config = experiment.config
    options = Augmentation.from_config(config.augmentation)
    change = jax.jit(partial(augment_slice, side=config.data.side, options=options))
    return to_pixels(change(step_keys(config.seed, step)[0], stored))


def _beside(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return two images side by side on white, the smaller one vertically centred."""
    height, width = left.shape[0], left.shape[1] + _SEAM + right.shape[1]
    pair = np.full((height, width, 3), 255, np.uint8)
    pair[:, : left.shape[1]] = left
    top = (height - right.shape[0]) // 2
    pair[top : top + right.shape[0], left.shape[1] + _SEAM :] = right
    return pair
