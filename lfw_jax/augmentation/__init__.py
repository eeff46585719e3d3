"""Random changes of training images, inside the jitted step.

Pixels arrive on the device as uint8 and leave as floats in [-1, 1]. Every image draws from a key of its own, derived from
its place in the global batch, so that a batch is changed the same way on one device and on many.
"""

from lfw_jax.augmentation.options import Augmentation
from lfw_jax.augmentation.stages import augment, augment_slice
from lfw_jax.augmentation.view import centre, to_pixels, to_unit

__all__ = ["Augmentation", "augment", "augment_slice", "centre", "to_pixels", "to_unit"]
