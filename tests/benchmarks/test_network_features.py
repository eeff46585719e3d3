"""The features before the last layer are those that the last layer maps to the embedding."""

import jax
import numpy as np

from benchmarks.network_features import LAST, before_last
from lfw_jax.models.patch_resnet import PatchResNet


def test_the_last_layer_maps_the_features_to_the_embedding():
    network = PatchResNet(embedding_dim=3, features=(4, 6), embedding_norm=False)
    images = jax.random.uniform(jax.random.key(0), (2, 16, 16, 3))
    variables = network.init(jax.random.key(1), images, train=False)
    features = jax.jit(before_last(network))(variables, images)
    expected = network.apply(variables, images, train=False)
    np.testing.assert_allclose(features @ variables["params"][LAST]["kernel"], expected, rtol=1e-5, atol=1e-6)
