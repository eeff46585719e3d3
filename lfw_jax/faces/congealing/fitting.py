"""Congealing: regressors and poses of the training images improve by turns."""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jaxtyping import UInt8

from lfw_jax.errors import UserError
from lfw_jax.faces.congealing.estimation import Stage, refine
from lfw_jax.faces.congealing.features import CROP_SIDE, grey_square, window_features
from lfw_jax.faces.congealing.model import AlignmentModel, CongealingSettings
from lfw_jax.faces.congealing.pose import MIRRORED, Poses, compose, inverse

_LEAST = 2  # images


def fit_alignment_model(
    images: UInt8[np.ndarray, "images h w"],
    settings: CongealingSettings | None = None,
    seed: int = 0,
    *,
    origin: str = "",
    progress: Callable[[int], object] = lambda _: None,
) -> AlignmentModel:
    """Learn to align faces from images without labels.

    Args:
      images: `[images, h, w]`, grey images of roughly centred faces. Give training images only.
      settings: the settings; None for the defaults.
      seed: the seed of the sample of images and of the random transforms.
      origin: a digest of the images, which is stored in the model.
      progress: takes the number of regressors that are finished, of `rounds · stages`.

    Returns:
      The model of the last round.

    Raises:
      UserError: the images have another shape or type, or there are fewer than two.

    Example:
      >>> model = fit_alignment_model(images)  # doctest: +SKIP
      >>> estimate_similarities(model, others).shape  # doctest: +SKIP
      (100, 2, 3)
    """
    settings = settings or CongealingSettings()
    squares = _squares(images, settings)
    rng = np.random.default_rng(seed)
    if len(squares) > settings.images:
        squares = squares[np.sort(rng.choice(len(squares), settings.images, replace=False))]
    frames = np.zeros((len(squares), 4), np.float32)
    stages: list[Stage] = []
    for turn in range(settings.rounds):
        stages, poses = [], np.zeros_like(frames)
        for strength in settings.stages:
            stages.append(_fit_stage(squares, frames, strength, settings, rng))
            poses, _ = refine(stages[-1], squares, poses)
            progress(turn * len(settings.stages) + len(stages))
        frames = _centred(poses)
    centres, weights, offsets = (np.stack(arrays) for arrays in zip(*stages, strict=True))
    return AlignmentModel(centres, weights, offsets, settings, origin)


def _squares(images: UInt8[np.ndarray, "images h w"], settings: CongealingSettings) -> UInt8[np.ndarray, "images s s"]:
    images = np.asarray(images)
    if images.ndim != 3 or images.dtype != np.uint8 or len(images) < _LEAST or min(images.shape[1:]) < 8:
        raise UserError(
            f"congealing: found images of the shape {images.shape} and type {images.dtype}; expected at least {_LEAST} grey "
            "images of 8×8 pixels or more, as uint8 [images, height, width]."
        )
    side = round(CROP_SIDE / settings.crop)
    if images.shape[1:] == (side, side):
        return images
    return np.stack([grey_square(image, settings.crop) for image in images])


def _fit_stage(
    squares: UInt8[np.ndarray, "images s s"],
    frames: Poses,
    strength: float,
    settings: CongealingSettings,
    rng: np.random.Generator,
) -> Stage:
    """Fit a regressor that tells by how much a pose differs from that of the frame.

    Args:
      squares: the images.
      frames: their present poses, which count as correct.
      strength: the strength of the random transforms, in units of `settings.spread`.
      settings: the settings.
      rng: the source of the random transforms.
    """
    features, errors = [], []
    spread = np.asarray(settings.spread) * strength
    for sample in range(settings.samples):
        error = (rng.standard_normal((len(squares), 4)) * spread).astype(np.float32)
        if sample % 2:
            features.append(window_features(squares[:, :, ::-1], compose(frames * MIRRORED, error)))
        else:
            features.append(window_features(squares, compose(frames, error)))
        errors.append(error)
    return _ridge(np.concatenate(features), np.concatenate(errors), settings.ridge)


def _ridge(features: np.ndarray, errors: np.ndarray, penalty: float) -> Stage:
    """Return the ridge regression of errors on features, its normal equations by JAX and solved in float64."""
    centre, offset = features.mean(axis=0), errors.mean(axis=0)
    centred = jnp.asarray(features - centre)
    gram = np.asarray(centred.T @ centred, np.float64)
    target = np.asarray(centred.T @ jnp.asarray(errors - offset), np.float64)
    gram[np.diag_indices(len(gram))] += penalty * np.trace(gram) / len(gram) + 1e-9  # blank images have no variance
    return centre, np.linalg.solve(gram, target).astype(np.float32), offset


def _centred(poses: Poses) -> Poses:
    """Return the poses relative to their mean, so that the frame stays upright and does not drift, grow or shrink.

    The mirrored images that take part make rotation and sideways shift symmetric; scale and height are centred here.
    """
    mean = poses.mean(axis=0, keepdims=True) * np.array([0, 1, 0, 1], np.float32)
    return compose(poses, inverse(mean))
