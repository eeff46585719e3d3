"""Embedded images are validated once, and their file returns them unchanged."""

import re
from pathlib import Path

import numpy as np
import pytest

from lfw_jax.errors import UserError
from lfw_jax.evaluation.embeddings import EmbeddedImages, read_embeddings, write_embeddings


def _images(**changed: object) -> EmbeddedImages:
    arrays = {
        "embeddings": np.array([[1.0, 0.0], [0.5, 2.0], [0.0, -1.0]], np.float32),
        "identities": ["Zoë", "Ann", "Zoë"],
        "numbers": [2, 1, 7],
    }
    return EmbeddedImages("list", **(arrays | changed))  # pyright: ignore[reportArgumentType]


def test_labels_follow_the_sorted_names():
    assert _images().labels().tolist() == [1, 0, 1]


def test_an_embedding_that_is_not_finite_is_named():
    with pytest.raises(UserError, match=re.escape("list: 1 of 3 embeddings are not finite, the first of image 2")):
        _images(embeddings=np.array([[1.0, 0.0], [np.nan, 2.0], [0.0, -1.0]]))


@pytest.mark.parametrize(
    "changed", [{"numbers": [1, 2]}, {"embeddings": np.zeros(3)}, {"identities": [], "numbers": [], "embeddings": []}]
)
def test_arrays_that_do_not_fit_are_refused(changed: dict[str, object]):
    with pytest.raises(ValueError, match="expected embeddings"):
        _images(**changed)


def test_a_file_returns_the_images_unchanged(tmp_path: Path):
    write_embeddings(tmp_path / "e.npz", {"test": _images(), "sets/a/b": _images(numbers=[1, 2, 3])})
    read = read_embeddings(tmp_path / "e.npz")
    assert list(read) == ["test", "sets/a/b"]
    for field in ("embeddings", "identities", "numbers"):
        np.testing.assert_array_equal(getattr(read["test"], field), getattr(_images(), field))
    assert read["sets/a/b"].numbers.tolist() == [1, 2, 3]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut", b"[]"])
def test_a_damaged_file_is_one_sentence(tmp_path: Path, content: bytes):
    (tmp_path / "e.npz").write_bytes(content)
    with pytest.raises(UserError, match="not readable as embeddings"):
        read_embeddings(tmp_path / "e.npz")
    with pytest.raises(UserError, match="found no such file"):
        read_embeddings(tmp_path / "missing.npz")
