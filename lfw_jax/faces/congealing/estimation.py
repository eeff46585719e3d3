"""Poses of faces by a learned alignment."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, UInt8

from lfw_jax.faces.congealing.features import grey_square, window_features
from lfw_jax.faces.congealing.model import AlignmentModel
from lfw_jax.faces.congealing.pose import MIRRORED, Poses, compose, frame_to_image, inverse


def estimate_similarities(
    model: AlignmentModel, images: UInt8[np.ndarray, "images h w"] | Sequence[UInt8[np.ndarray, "h w"]]
) -> Float[np.ndarray, "images 2 3"]:
    """Return the transforms from images to the common frame.

    In the frame, faces are upright, centred and of the same size. Every image is estimated on its own: the others have no
    influence. The mirror image gets the mirrored transform.

    Args:
      model: the learned alignment.
      images: grey images, or RGB, of any size.

    Returns:
      `[images, 2, 3]`, the matrices `[A | t]` that map a pixel p to the point `A p + t` of the frame. There, the central crop of
      an average image is the square from (-1, -1) to (1, 1).
    """
    crop = model.settings.crop
    squares = [grey_square(np.asarray(image), crop) for image in images]
    poses = estimate_poses(model, np.stack(squares))[0] if squares else []
    matrices = [
        frame_to_image(pose, image.shape[0], image.shape[1], crop) for pose, image in zip(poses, images, strict=True)
    ]
    return np.array([np.linalg.inv(np.vstack((matrix, (0, 0, 1))))[:2] for matrix in matrices]).reshape(-1, 2, 3)


def estimate_poses(
    model: AlignmentModel, squares: UInt8[np.ndarray, "images s s"]
) -> tuple[Poses, Float[np.ndarray, "images"]]:
    """Return the pose of each image, and how typical its face is.

    Args:
      model: the learned alignment.
      squares: `[images, s, s]`, from `grey_square`.

    Returns:
      `[images, 4]`, the poses, and `[images]`, the cosine between the features of an image and the mean features at the last
      stage, from 0 to 1.
    """
    poses = np.zeros((len(squares), 4), np.float32)
    typical = np.zeros(len(squares), np.float32)
    for stage in zip(model.centres, model.weights, model.offsets, strict=True):
        poses, typical = refine(stage, squares, poses)
    return poses, typical


Stage = tuple[Float[np.ndarray, "features"], Float[np.ndarray, "features 4"], Float[np.ndarray, "4"]]
"""The centre, the weights and the offset of one regressor."""


def refine(
    stage: Stage, squares: UInt8[np.ndarray, "images s s"], poses: Poses
) -> tuple[Poses, Float[np.ndarray, "images"]]:
    """Return the poses after one regressor, which sees each image and its mirror image.

    Args:
      stage: the regressor.
      squares: `[images, s, s]`, from `grey_square`.
      poses: `[images, 4]`, the present poses.

    Returns:
      The new poses, and the cosine between each image's features and the mean features.
    """
    centre, weights, offset = stage
    features = window_features(squares, poses)
    mirrored = window_features(squares[:, :, ::-1], poses * MIRRORED)
    error = (features - centre) @ weights + offset
    error = (error + ((mirrored - centre) @ weights + offset) * MIRRORED) / 2
    both = features + mirrored
    typical = both @ centre / np.maximum(np.linalg.norm(both, axis=1) * np.linalg.norm(centre), 1e-12)
    return compose(poses, inverse(error.astype(np.float32))), typical
