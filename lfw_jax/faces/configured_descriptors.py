"""The descriptors that the `model` part of a configuration describes, and their learned arrays."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from lfw_jax.data.decoding.crop import CropGeometry
from lfw_jax.descriptors import DescriptorSettings
from lfw_jax.descriptors.dense_sift import DenseSift
from lfw_jax.descriptors.fisher_vector import Vocabulary, VocabularySize
from lfw_jax.descriptors.gaussian_mixture import DiagonalMixture
from lfw_jax.errors import UserError
from lfw_jax.faces.face_descriptors import FaceDescriptors, FisherDescriptors, TextureDescriptors

KINDS = ("descriptors", "fisher")
"""Values of `config.model.name` for descriptors."""

_SIZE = tuple(field.name for field in dataclasses.fields(VocabularySize))


def check_model(model: Mapping[str, Any]) -> None:
    """Check the options of descriptors.

    Args:
      model: the `model` part of a configuration.

    Raises:
      UserError: an unknown option, a value out of range, or no scale.
    """
    if model["name"] == "fisher":
        fisher_settings(model)
    else:
        texture_settings(model)


def is_joint(model: Mapping[str, Any]) -> bool:
    """Return true if all descriptors together get one more backend.

    Args:
      model: the `model` part of a configuration.
    """
    return bool(model.get("joint", False))


def describe_in_words(model: Mapping[str, Any]) -> str:
    """Return the descriptors in words.

    Args:
      model: the `model` part of a configuration.
    """
    if model["name"] == "fisher":
        sift, size = fisher_settings(model)
        return f"Fisher vectors of {size.gaussians} Gaussians, dense SIFT at {len(sift.scales)} scales"
    settings = texture_settings(model)
    scales = ", ".join(f"{one.scale:g}" for one in settings)
    return f"{settings[0].kind} descriptors at {scales} pixels between the eyes"


def arrays_of(descriptors: FaceDescriptors) -> dict[str, np.ndarray]:
    """Return the learned arrays of descriptors; none for texture.

    Args:
      descriptors: the descriptors.
    """
    if not isinstance(descriptors, FisherDescriptors):
        return {}
    vocabulary, mixture = descriptors.vocabulary, descriptors.vocabulary.mixture
    arrays = {"mean": vocabulary.mean, "projection": vocabulary.projection} | vars(mixture)
    return {name: np.asarray(array) for name, array in arrays.items()}


def restored_descriptors(
    model: Mapping[str, Any], geometry: CropGeometry, arrays: Mapping[str, np.ndarray], *, loader: str = "auto"
) -> FaceDescriptors:
    """Return descriptors with their learned arrays.

    Args:
      model: the `model` part of the configuration.
      geometry: the crop geometry.
      arrays: the arrays of `arrays_of`.
      loader: the loader that decodes image sets.

    Raises:
      UserError: an invalid option.
      KeyError: an array is missing.
    """
    if model["name"] == "descriptors":
        return TextureDescriptors(texture_settings(model), geometry, loader)
    mixture = DiagonalMixture(*(jnp.asarray(arrays[field.name]) for field in dataclasses.fields(DiagonalMixture)))
    vocabulary = Vocabulary(jnp.asarray(arrays["mean"]), jnp.asarray(arrays["projection"]), mixture)
    return FisherDescriptors(vocabulary, fisher_settings(model)[0], geometry, loader)


def texture_settings(model: Mapping[str, Any]) -> tuple[DescriptorSettings, ...]:
    """Return the settings of texture descriptors, one for each scale.

    Args:
      model: the `model` part of a configuration.

    Raises:
      UserError: an unknown option, a value out of range, or no scale.
    """
    options = {key: value for key, value in model.items() if key not in ("name", "scales", "joint")}
    _check_known(options, [field.name for field in dataclasses.fields(DescriptorSettings) if field.name != "scale"])
    scales = model["scales"]
    scales = scales if isinstance(scales, tuple | list) else (scales,)
    if not scales:
        raise UserError(
            "--config.model.scales is empty; expected the distances of the eyes in pixels, such as (47, 33)."
        )
    try:
        return tuple(DescriptorSettings(scale=scale, **options) for scale in scales)
    except UserError as error:
        raise UserError(f"--config.model: {error}") from error


def fisher_settings(model: Mapping[str, Any]) -> tuple[DenseSift, VocabularySize]:
    """Return the settings of Fisher vectors: the grid of local descriptors and the vocabulary's size.

    Args:
      model: the `model` part of a configuration.

    Raises:
      UserError: an unknown option, or a value out of range.
    """
    options = {key: value for key, value in model.items() if key != "name"}
    _check_known(options, [*_SIZE, *(field.name for field in dataclasses.fields(DenseSift))])
    try:
        size = VocabularySize(**{key: value for key, value in options.items() if key in _SIZE})
        return DenseSift(**{key: value for key, value in options.items() if key not in _SIZE}), size
    except UserError as error:
        raise UserError(f"--config.model.{error}") from error
    except TypeError as error:
        raise UserError(f"--config.model: {str(error).splitlines()[0]}; expected numbers.") from error


def _check_known(options: Mapping[str, Any], known: list[str]) -> None:
    if unknown := sorted(options.keys() - {*known}):
        raise UserError(
            f"--config.model.{unknown[0]}: these descriptors have no such option; they have {', '.join(sorted(known))}."
        )
