"""The Winograd convolution equals the direct one: value and both gradients, for all remainders of the tile size."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from lfw_jax.models.winograd import WinogradConv, conv3x3


def direct(x, kernel):
    return jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))


@pytest.mark.parametrize(("height", "width"), [(8, 8), (16, 4), (7, 5), (1, 1), (3, 10)])
def test_value_and_gradients_equal_the_direct_convolution(height, width):
    keys = jax.random.split(jax.random.key(height * 31 + width), 3)
    x = jax.random.normal(keys[0], (2, height, width, 3))
    kernel = jax.random.normal(keys[1], (3, 3, 3, 5))
    cotangent = jax.random.normal(keys[2], (2, height, width, 5))
    expected, expected_vjp = jax.vjp(direct, x, kernel)
    found, found_vjp = jax.vjp(jax.jit(conv3x3), x, kernel)
    np.testing.assert_allclose(found, expected, atol=2e-4)
    for a, b in zip(found_vjp(cotangent), expected_vjp(cotangent), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-4 * max(1.0, float(jnp.abs(b).max())))


def test_module_shares_its_parameters_with_flax_conv():
    x = jax.random.normal(jax.random.key(0), (2, 8, 8, 4))
    ours, theirs = WinogradConv(6), nn.Conv(6, (3, 3), use_bias=False)
    variables = ours.init(jax.random.key(1), x)
    np.testing.assert_allclose(ours.apply(variables, x), theirs.apply(variables, x), atol=2e-4)


def test_bfloat16_in_bfloat16_out():
    x = jnp.ones((1, 8, 8, 4), jnp.bfloat16)
    assert conv3x3(x, jnp.ones((3, 3, 4, 2))).dtype == jnp.bfloat16
