"""Texture descriptors of aligned faces: images and five points in, feature vectors out.

Histograms of uniform local binary patterns or of gradient orientations, in cells around points of the face or on a grid. Pure
functions of arrays; learned similarities of the vectors are another matter.

Source: Chen, Cao, Wen, Sun, CVPR 2013, "Blessing of dimensionality: high-dimensional feature and its efficient compression for
face verification".
"""

from lfw_jax.descriptors.extraction import TEMPLATE_EYE_DISTANCE, describe, grey, mirrored, root
from lfw_jax.descriptors.landmark_points import mirrored_points, sixteen_points
from lfw_jax.descriptors.settings import DescriptorSettings, dimension

__all__ = [
    "TEMPLATE_EYE_DISTANCE",
    "DescriptorSettings",
    "describe",
    "dimension",
    "grey",
    "mirrored",
    "mirrored_points",
    "root",
    "sixteen_points",
]
