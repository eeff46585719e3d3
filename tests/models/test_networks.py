"""The networks: shapes, parameter counts, and the same function on every code path."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from lfw_jax.errors import UserError
from lfw_jax.models import MODELS, build, check_side, init
from lfw_jax.models.resnet import Bottleneck
from lfw_jax.models.unfolded import UnfoldedConv, convolve

SMALL = {
    "siamese": dict(features=(4, 8), hidden=16),
    "resnet": dict(stages=(1, 1), width=4),
    "patch_resnet": dict(features=(4, 8)),
}


def count(variables) -> int:
    return sum(leaf.size for leaf in jax.tree.leaves(variables["params"]))


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_embeddings_are_float32_of_the_requested_length(name: str, dtype: str):
    model = build(dict(name=name, embedding_dim=6, dtype=dtype, **SMALL[name]))
    variables = init(model, jax.random.key(0), 32)
    images = jax.random.normal(jax.random.key(1), (3, 32, 32, 3))
    embeddings = model.apply(variables, images, train=False)
    assert embeddings.shape == (3, 6)
    assert embeddings.dtype == jnp.float32
    assert jnp.isfinite(embeddings).all()
    assert {leaf.dtype for leaf in jax.tree.leaves(variables)} == {jnp.dtype("float32")}
    assert float(jnp.std(embeddings, axis=0).max()) > 0  # different images, different embeddings


def test_resnet50_has_the_parameters_of_the_paper():
    # 25,557,032 with 1,000 classes; 2048·1000 + 1000 of them are the classifier, here 2048·128 + 128.
    shapes = jax.eval_shape(
        lambda: build(dict(name="resnet50", embedding_dim=128)).init(
            jax.random.key(0), jnp.zeros((1, 112, 112, 3)), train=False
        )
    )
    assert count(shapes) == 25_557_032 - 2_049_000 + 2048 * 128 + 128


def test_the_cpu_backbone_with_matrix_products_is_the_same_network():
    images = jax.random.normal(jax.random.key(1), (4, 32, 32, 3))
    config = dict(name="patch_resnet", embedding_dim=6, features=(4, 4, 8), dropout=0.0)
    direct, fast = (build(config | dict(winograd=winograd)) for winograd in (False, True))
    variables = init(direct, jax.random.key(0), 32)
    assert jax.tree.map(jnp.shape, variables) == jax.tree.map(jnp.shape, init(fast, jax.random.key(0), 32))
    for train in (False, True):
        (expected, _), (found, _) = (
            model.apply(variables, images, train=train, mutable=["batch_stats"]) for model in (direct, fast)
        )
        np.testing.assert_allclose(found, expected, atol=2e-3)


@pytest.mark.parametrize(
    ("size", "stride", "height", "width"), [(8, 4, 16, 20), (3, 2, 8, 7), (3, 1, 5, 4), (4, 2, 9, 6), (2, 2, 5, 5)]
)
def test_an_unfolded_convolution_equals_the_direct_one(size: int, stride: int, height: int, width: int):
    keys = jax.random.split(jax.random.key(size), 3)
    x, kernel = jax.random.normal(keys[0], (2, height, width, 3)), jax.random.normal(keys[1], (size, size, 3, 5))

    def direct(x, kernel):
        return jax.lax.conv_general_dilated(
            x, kernel, (stride, stride), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )

    expected, expected_vjp = jax.vjp(direct, x, kernel)
    found, found_vjp = jax.vjp(lambda x, k: convolve(x, k, stride), x, kernel)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    cotangent = jax.random.normal(keys[2], expected.shape)
    for one, other in zip(found_vjp(cotangent), expected_vjp(cotangent), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-3)


def test_an_unfolded_convolution_shares_its_parameters_with_flax():
    x = jax.random.normal(jax.random.key(0), (2, 9, 8, 4))
    ours, theirs = UnfoldedConv(6, 3, 2), nn.Conv(6, (3, 3), (2, 2), use_bias=False)
    variables = ours.init(jax.random.key(1), x)
    np.testing.assert_allclose(ours.apply(variables, x), theirs.apply(variables, x), atol=1e-4)


def test_a_bottleneck_starts_as_the_identity():
    x = jax.nn.relu(jax.random.normal(jax.random.key(0), (2, 4, 4, 16)))
    block = Bottleneck(4, 1, jnp.float32, None)
    variables = block.init(jax.random.key(1), x, train=False)
    np.testing.assert_allclose(block.apply(variables, x, train=False), x, atol=1e-6)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (dict(name="vit"), ["vit", *MODELS]),
        (dict(name="siamese", dtype="float16"), ["float16", "bfloat16"]),
        (dict(name="siamese", depth=3), ["siamese", "depth"]),
    ],
)
def test_an_impossible_model_is_a_user_error(config: dict, words: list[str]):
    with pytest.raises(UserError) as caught:
        build(config)
    assert all(word in str(caught.value) for word in words), caught.value


@pytest.mark.parametrize(
    ("field", "value"),
    [("features", (0,)), ("features", (8, 1.5)), ("hidden", 0), ("hidden", -4), ("features", "abc")],
)
def test_sizes_below_1_are_refused_by_key(field: str, value: object):
    with pytest.raises(UserError, match=rf"--config.model.{field} is .*; expected "):
        build({"name": "siamese", field: value})


def test_images_that_a_network_reduces_to_nothing_are_refused():
    network = build(dict(name="siamese", features=(4,) * 7, hidden=4, embedding_dim=4))
    check_side(network, 128)
    with pytest.raises(
        UserError, match=r"cannot process images of --config.data.side=64 pixels \(its layers reduce them"
    ):
        check_side(network, 64)


def test_a_network_that_cannot_be_built_for_a_side_is_refused():
    with pytest.raises(UserError, match="PatchResNet cannot process images"):
        check_side(build(dict(name="patch_resnet", features=())), 64)


def test_without_normalisation_the_embedding_is_the_linear_layer():
    config = dict(name="patch_resnet", embedding_dim=6, features=(4,), dropout=0.0, winograd=False)
    images = jax.random.normal(jax.random.key(0), (5, 16, 16, 3))
    plain, normal = build(config | dict(embedding_norm=False)), build(config)
    variables = init(normal, jax.random.key(1), 16)
    assert "embedding_norm" in variables["batch_stats"]
    without = init(plain, jax.random.key(1), 16)
    assert "embedding_norm" not in without["batch_stats"]
    assert jax.tree.structure(without["params"]) == jax.tree.structure(variables["params"])
    # At the start, batch normalisation divides by sqrt(1 + ε) in inference.
    expected = normal.apply(variables, images, train=False) * np.sqrt(1 + 1e-5)
    np.testing.assert_allclose(plain.apply(without, images, train=False), expected, rtol=1e-5)


def test_a_resnet_embedding_has_no_common_direction_with_normalisation():
    config = dict(name="resnet", embedding_dim=6, stages=(1,), width=4)
    images = jax.random.uniform(jax.random.key(0), (16, 16, 16, 3))

    def mean_direction(**options) -> float:
        model = build(config | options)
        embeddings, _ = model.apply(
            init(model, jax.random.key(1), 16), images, train=True, mutable=["batch_stats"], rngs={}
        )
        unit = embeddings / jnp.linalg.norm(embeddings, axis=-1, keepdims=True)
        return float(jnp.linalg.norm(unit.mean(0)))

    assert mean_direction() > 0.6
    assert mean_direction(embedding_norm=True) < 0.3


@pytest.mark.parametrize("value", ["no", 0, None])
def test_the_switch_of_the_embedding_norm_is_true_or_false(value):
    with pytest.raises(UserError, match=r"--config.model.embedding_norm is .*expected"):
        build(dict(name="patch_resnet", embedding_norm=value))
