"""The descriptors that a configuration describes, and how they are stored with their backends."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from lfw_jax.data.decoding.crop import CropGeometry
from lfw_jax.data.images import ImageSet
from lfw_jax.descriptors import DescriptorSettings
from lfw_jax.descriptors.dense_sift import DenseSift
from lfw_jax.descriptors.fisher_vector import Vocabulary, VocabularySize
from lfw_jax.descriptors.gaussian_mixture import DiagonalMixture
from lfw_jax.errors import UserError
from lfw_jax.faces.face_descriptors import FaceDescriptors, FisherDescriptors, TextureDescriptors
from lfw_jax.training.descriptor_fitting import learn_vocabulary

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
        _fisher(model)
    else:
        _texture(model)


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
        sift, size = _fisher(model)
        return f"Fisher vectors of {size.gaussians} Gaussians, dense SIFT at {len(sift.scales)} scales"
    settings = _texture(model)
    scales = ", ".join(f"{one.scale:g}" for one in settings)
    return f"{settings[0].kind} descriptors at {scales} pixels between the eyes"


def new_descriptors(config: ConfigDict, geometry: CropGeometry, training: ImageSet) -> FaceDescriptors:
    """Return the descriptors of a configuration, with a vocabulary learned from training images.

    Args:
      config: the whole configuration.
      geometry: the crop geometry.
      training: the training images.

    Raises:
      UserError: an invalid option, or an image that cannot be read.
    """
    loader = config.data.loader
    if config.model.name == "descriptors":
        return TextureDescriptors(_texture(config.model), geometry, loader)
    sift, size = _fisher(config.model)
    vocabulary = learn_vocabulary(training, geometry, sift, size, seed=config.seed, loader=loader)
    return FisherDescriptors(vocabulary, sift, geometry, loader)


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
    config: ConfigDict, geometry: CropGeometry, arrays: Mapping[str, np.ndarray]
) -> FaceDescriptors:
    """Return descriptors with their learned arrays.

    Args:
      config: the configuration.
      geometry: the crop geometry.
      arrays: the arrays of `arrays_of`.

    Raises:
      UserError: an invalid option.
      KeyError: an array is missing.
    """
    if config.model.name == "descriptors":
        return TextureDescriptors(_texture(config.model), geometry, config.data.loader)
    mixture = DiagonalMixture(*(jnp.asarray(arrays[field.name]) for field in dataclasses.fields(DiagonalMixture)))
    vocabulary = Vocabulary(jnp.asarray(arrays["mean"]), jnp.asarray(arrays["projection"]), mixture)
    return FisherDescriptors(vocabulary, _fisher(config.model)[0], geometry, config.data.loader)


def _texture(model: Mapping[str, Any]) -> tuple[DescriptorSettings, ...]:
    """Return one descriptor for each scale."""
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


def _fisher(model: Mapping[str, Any]) -> tuple[DenseSift, VocabularySize]:
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
