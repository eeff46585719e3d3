"""The embedder: crops derived independently, batches, variables, image sets, and what it refuses."""

from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from lfw_jax.augmentation import to_unit
from lfw_jax.data.batches.loading import decode_all
from lfw_jax.data.decoding.crop import CropGeometry
from lfw_jax.data.formats.folder import read_folder
from lfw_jax.data.synthetic import write_folder
from lfw_jax.inference.embedder import Embedder, in_inference_mode
from lfw_jax.models import build, init, variable_shapes
from lfw_jax.models.siamese import SiameseCNN

SIDE, MARGIN = 10, 2
GEOMETRY = CropGeometry(SIDE, margin=MARGIN)
IMAGES = np.random.default_rng(0).integers(0, 256, (11, 14, 14, 3), np.uint8)
VARIABLES = np.random.default_rng(1).normal(size=(SIDE * SIDE * 3, 4)).astype(np.float32)
CORNERS = [(-2, -2), (-2, 2), (2, -2), (2, 2)]


def apply(variables, images):
    """A linear network: it depends on the position of every pixel."""
    return images.reshape(len(images), -1) @ variables


def expected(shifts: list[tuple[int, int]], directions: list[int]) -> np.ndarray:
    total = np.zeros((len(IMAGES), VARIABLES.shape[1]))
    for down, across in shifts:
        crop = (IMAGES[:, 2 + down : 12 + down, 2 + across : 12 + across].astype(np.float64) - 127.5) / 127.5
        for direction in directions:
            total += crop[:, :, ::direction].reshape(len(IMAGES), -1) @ VARIABLES
    return total


@pytest.mark.parametrize(
    ("flip", "shift", "shifts", "directions"),
    [
        (False, 0, [(0, 0)], [1]),
        (True, 0, [(0, 0)], [1, -1]),
        (True, 2, [(0, 0), *CORNERS], [1, -1]),
        (False, 2, [(0, 0), *CORNERS], [1]),
    ],
)
def test_the_embeddings_of_the_mirror_image_and_of_shifted_crops_are_added(flip, shift, shifts, directions):
    embedder = Embedder(apply, VARIABLES, GEOMETRY, flip=flip, shift=shift, batch_size=11)
    np.testing.assert_allclose(embedder.embed(IMAGES), expected(shifts, directions), rtol=1e-3, atol=1e-3)
    quick = embedder.without_shifts().embed(IMAGES)
    np.testing.assert_allclose(quick, expected([(0, 0)], directions), rtol=1e-3, atol=1e-3)


def test_the_batch_size_does_not_change_the_embeddings():
    whole, parts = (Embedder(apply, VARIABLES, GEOMETRY, batch_size=size).embed(IMAGES) for size in (11, 4))
    assert whole.shape == (11, 4)
    np.testing.assert_allclose(parts, whole, rtol=1e-5, atol=1e-4)


def test_a_padded_batch_gives_the_embeddings_of_a_full_one_bit_for_bit():
    embedder = Embedder(apply, VARIABLES, GEOMETRY, batch_size=8)
    full = np.concatenate([IMAGES[:5], IMAGES[8:11]])
    np.testing.assert_array_equal(embedder.embed(IMAGES[:5]), embedder.embed(full)[:5])


@pytest.mark.parametrize("name", ["siamese", "patch_resnet"])
def test_a_network_is_applied_as_a_function_jitted_for_it_alone_bit_for_bit(name):
    options = {"siamese": dict(features=(4,), hidden=8), "patch_resnet": dict(features=(4, 8), winograd=False)}[name]
    network = build(dict(name=name, embedding_dim=8, **options))
    variables = init(network, jax.random.key(0), SIDE)

    @jax.jit
    def embed(variables, images):
        crops = [images[:, 2 + a : 12 + a, 2 + b : 12 + b] for a, b in [(0, 0), (-1, -1), (-1, 1), (1, -1), (1, 1)]]
        crops = jnp.stack(crops + [crop[:, :, ::-1] for crop in crops])
        embeddings = jax.lax.map(
            lambda crop: network.apply(variables, crop, train=False), to_unit(crops.astype(jnp.float32))
        )
        return embeddings.sum(axis=0)

    embedder = Embedder(in_inference_mode(network), variables, GEOMETRY, shift=1, batch_size=11)
    np.testing.assert_array_equal(embedder.embed(IMAGES), embed(variables, IMAGES))


def test_other_variables_give_other_embeddings_without_compiling_again():
    traced = []

    def counted(variables, images):
        traced.append(images.shape)
        return apply(variables, images)

    embedder = Embedder(counted, VARIABLES, GEOMETRY, shift=1, batch_size=4)
    first = embedder.embed(IMAGES)
    np.testing.assert_allclose(embedder.with_variables(2 * VARIABLES).embed(IMAGES), 2 * first, rtol=1e-6)
    np.testing.assert_array_equal(embedder.embed(IMAGES), first)
    assert len(traced) == 1
    quick = embedder.without_shifts()
    for factor in (1, 2, 3):
        quick.with_variables(factor * VARIABLES).embed(IMAGES)
    assert len(traced) == 2


class Traced(nn.Module):
    """A network that counts how often it is traced."""

    embedding_dim: int
    count: ClassVar[int] = 0

    @nn.compact
    def __call__(self, images, *, train: bool):
        Traced.count += 1
        assert not train
        return nn.Dense(self.embedding_dim)(images.reshape(len(images), -1))


def test_equal_networks_share_one_program_and_others_do_not():
    variables = init(Traced(4), jax.random.key(0), SIDE)
    before = Traced.count
    first, second = (Embedder(in_inference_mode(Traced(4)), variables, GEOMETRY, flip=False) for _ in range(2))
    np.testing.assert_array_equal(first.embed(IMAGES), second.embed(IMAGES))
    once = Traced.count - before
    assert once > 0
    other = Traced(5)
    wider = init(other, jax.random.key(0), SIDE)
    before = Traced.count
    assert first.embed(IMAGES).shape[1] == 4
    assert Traced.count == before
    assert Embedder(in_inference_mode(other), wider, GEOMETRY, flip=False).embed(IMAGES).shape[1] == 5
    assert Traced.count == before + once


def test_a_network_with_fields_that_cannot_be_hashed_is_applied_too():
    network = SiameseCNN(embedding_dim=8, features=[4], hidden=8)
    variables = init(network, jax.random.key(0), SIDE)
    assert variable_shapes(network, SIDE)["params"]
    equal = SiameseCNN(embedding_dim=8, features=(4,), hidden=8)
    found = Embedder(in_inference_mode(network), variables, GEOMETRY).embed(IMAGES)
    np.testing.assert_array_equal(found, Embedder(in_inference_mode(equal), variables, GEOMETRY).embed(IMAGES))


def test_no_image_gives_an_empty_array_of_the_embedding_dimension(faces):
    embedder = Embedder(apply, VARIABLES, GEOMETRY)
    assert embedder.embedding_dim == 4
    for found in (embedder.embed(IMAGES[:0]), embedder.embed_images(read_folder(faces).where(np.arange(0)))):
        assert (found.shape, found.dtype) == ((0, 4), np.float32)


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("synthetic") / "faces", people=8, images_per_person=3, side=32, seed=0)


@pytest.mark.parametrize("batch_size", [5, 24, 64])
def test_an_image_set_is_embedded_as_its_decoded_pixels_bit_for_bit(faces, batch_size):
    images, geometry = read_folder(faces), CropGeometry(SIDE, 0.7, MARGIN)
    embedder = Embedder(apply, VARIABLES, geometry, shift=1, batch_size=batch_size, loader="pillow")
    pixels = decode_all(images, geometry, loader="pillow")
    np.testing.assert_array_equal(embedder.embed_images(images), embedder.embed(pixels))


@pytest.mark.parametrize(
    "pixels", [IMAGES[:, 1:-1, 1:-1], IMAGES[:, :, :12], IMAGES[0], IMAGES[..., :1], IMAGES.astype(np.float32)]
)
def test_images_that_do_not_match_the_crop_geometry_are_refused(pixels):
    with pytest.raises(ValueError, match=r"expected uint8 images \[images, 14, 14, 3\].*margin of 2"):
        Embedder(apply, VARIABLES, GEOMETRY).embed(pixels)


def test_a_shift_beyond_the_margin_and_an_empty_batch_are_refused():
    with pytest.raises(ValueError, match="shift from 0 to the margin of 2 pixels, found 3"):
        Embedder(apply, VARIABLES, GEOMETRY, shift=3)
    with pytest.raises(ValueError, match="batch_size of 1 or more, found 0"):
        Embedder(apply, VARIABLES, GEOMETRY, batch_size=0)
