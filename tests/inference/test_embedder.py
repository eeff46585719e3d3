"""Embeddings of an evaluation list: every image once, all views added, whatever the batch size."""

import jax.numpy as jnp
import numpy as np

from lfw_jax.inference.embedder import embed_all, make_embed

IMAGES = np.random.default_rng(0).integers(0, 256, (11, 14, 14, 3), np.uint8)


def network(variables, images):
    """Something that sees where a pixel is."""
    return images.reshape(len(images), -1) @ variables


def variables(side: int) -> jnp.ndarray:
    return jnp.asarray(np.random.default_rng(1).normal(size=(side * side * 3, 4)), jnp.float32)


def expected(shifts: list[tuple[int, int]], flips: list[int]) -> np.ndarray:
    total = 0
    for down, across in shifts:
        view = (IMAGES[:, 2 + down : 12 + down, 2 + across : 12 + across].astype(np.float32) - 127.5) / 127.5
        for flip in flips:
            total = total + view[:, :, ::flip].reshape(11, -1) @ np.asarray(variables(10))
    return np.asarray(total)


def test_the_centre_its_mirror_image_and_shifted_views_are_added():
    corners = [(0, 0), (-2, -2), (-2, 2), (2, -2), (2, 2)]
    for flip, shift, shifts, flips in (
        (False, 0, [(0, 0)], [1]),
        (True, 0, [(0, 0)], [1, -1]),
        (True, 2, corners, [1, -1]),
        (False, 2, corners, [1]),
    ):
        embed = make_embed(network, side=10, flip=flip, shift=shift)
        found = embed_all(embed, variables(10), IMAGES, batch_size=11)
        np.testing.assert_allclose(found, expected(shifts, flips), rtol=1e-3, atol=1e-3)


def test_the_batch_size_changes_nothing():
    embed = make_embed(network, side=10, flip=True)
    whole, parts = (embed_all(embed, variables(10), IMAGES, batch_size=size) for size in (11, 4))
    assert whole.shape == (11, 4)
    np.testing.assert_allclose(parts, whole, rtol=1e-5, atol=1e-4)
