"""A fused system is an embedding whose cosine is the weighted sum of its members' cosines."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import Float

from lfw_jax.data.images import ImageSet
from lfw_jax.errors import UserError
from lfw_jax.evaluation.embeddings import EmbeddedImages
from lfw_jax.inference.fused import FusedMember, FusedRepresentation, fuse_embeddings, known_embeddings
from lfw_jax.inference.representation import DecodedImages

PIXELS = np.zeros((4, 8, 8, 3), np.uint8)
IMAGES = ImageSet(("Ada", "Grace"), np.array([0, 0, 1, 1]), np.array([1, 2, 1, 2]), PIXELS, "pixels")
KEYS = IMAGES.keys()


class Counted:
    """Embeds an image by its number and identity, and counts what it embeds."""

    flip, shift = True, 2

    def __init__(self):
        self.embedded: list[Any] = []

    def embed_images(self, images: ImageSet) -> Float[np.ndarray, "images dim"]:
        self.embedded += images.keys()
        return np.array([[len(name), number, 1.0] for name, number in list(images.keys())])

    def embed_decoded(self, decoded: DecodedImages) -> Float[np.ndarray, "images dim"]:
        return self.embed_images(decoded.images)


def member(counted: Counted, sources: Sequence[ImageSet] = (IMAGES,), **known: Any) -> FusedMember:
    return FusedMember(True, 2, lambda: (counted, sources), **known)


def cosine(vectors: np.ndarray) -> np.ndarray:
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit @ unit.T


@given(
    st.integers(0, 2**32 - 1),
    st.lists(st.floats(0, 10), min_size=1, max_size=4).filter(lambda weights: sum(weights) > 1e-3),
)
def test_the_cosine_is_the_weighted_mean_of_the_members_cosines(seed: int, weights: list[float]):
    rng = np.random.default_rng(seed)
    parts = {
        f"member{index}": 10 ** rng.uniform(-3, 3) * rng.normal(size=(5, 3 + index)) for index in range(len(weights))
    }
    fused = fuse_embeddings(parts, dict(zip(parts, weights, strict=True)))
    expected = sum(w * cosine(part) for w, part in zip(weights, parts.values(), strict=True)) / sum(weights)
    np.testing.assert_allclose(cosine(fused.astype(np.float64)), expected, atol=1e-5)


def test_known_images_are_not_embedded_again_and_a_member_loads_when_it_must():
    counted = Counted()
    lists = {
        "test": EmbeddedImages("test", np.array([[3.0, 1, 1], [3, 2, 1]]), np.array(["Ada", "Ada"]), np.array([1, 2]))
    }
    system = FusedRepresentation({"one": member(counted, known=known_embeddings(lists))}, {"one": 1.0})
    system.embed_images(IMAGES.where(np.arange(2)))
    assert not counted.embedded
    every = system.embed_decoded(DecodedImages(IMAGES, PIXELS))
    assert counted.embedded == KEYS[2:]
    np.testing.assert_allclose(every, fuse_embeddings({"one": counted.embed_images(IMAGES)}, {"one": 1.0}))
    assert (system.flip, system.shift) == (True, 2)


def test_a_member_takes_images_from_the_first_of_its_sets_that_has_them():
    counted, other = Counted(), IMAGES.of_identities({"Ada"})
    system = FusedRepresentation({"one": member(counted, (other, IMAGES))}, {"one": 1.0})
    system.embed_images(IMAGES.of_identities({"Grace"}))
    assert counted.embedded == KEYS[2:]


def test_an_image_of_other_data_is_refused_in_words():
    system = FusedRepresentation({"one": member(Counted(), (IMAGES.of_identities({"Ada"}),))}, {"one": 1.0})
    with pytest.raises(UserError, match="Grace, image 1: found in no list of the data set"):
        system.embed_images(IMAGES.of_identities({"Grace"}))


@pytest.mark.parametrize("weights", [{"one": -1.0}, {"one": 0.0}, {"two": 1.0}, {}])
def test_weights_that_are_no_weights_of_the_members_are_a_mistake(weights: dict[str, float]):
    with pytest.raises(ValueError, match="expected a weight of at least 0 for each of"):
        FusedRepresentation({"one": member(Counted())}, weights)
