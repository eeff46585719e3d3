"""Augmentation of training images inside the jitted step.

Pixels arrive on the device as uint8 and leave as floats in [-1, 1]. Every image has its own key, derived from its index in the
global batch, so that the augmentation of a batch does not depend on the number of devices.
"""

from lfw_jax.augmentation.options import Augmentation
from lfw_jax.augmentation.stages import augment, augment_slice
from lfw_jax.augmentation.view import centre, to_pixels, to_unit

__all__ = ["Augmentation", "augment", "augment_slice", "centre", "to_pixels", "to_unit"]
