"""Images of an aligned folder without a detected face are known to an evaluation."""

from pathlib import Path

import numpy as np
import pytest

from lfw_jax.data.formats.folder import read_folder
from lfw_jax.data.images import ImageSet
from lfw_jax.data.synthetic import write_folder
from lfw_jax.errors import UserError
from lfw_jax.faces.aligned_folder import SETTINGS
from lfw_jax.faces.detection import Face
from lfw_jax.faces.manifest import Row, Rows, write_manifest
from lfw_jax.faces.undetected import with_undetected

FACE = Face((0.0, 0.0, 9.0, 9.0), np.ones((5, 2)), 0.99)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "aligned", people=8, images_per_person=2, side=16, seed=0)


def write_alignment(folder: Path, images: ImageSet, without_face: set[int]) -> None:
    (folder / SETTINGS).write_text("{}")
    rows = [
        Row(Path(str(path)).relative_to(folder).as_posix(), "photo.jpg", None if index in without_face else FACE, 1)
        for index, path in enumerate(images.images)
    ]
    write_manifest(folder / "manifest.csv", Rows([*rows, Row("", "broken.jpg", None, 0, "not an image")]))


def test_the_images_without_a_face_are_those_of_the_manifest_also_in_a_subset(folder: Path):
    images = read_folder(folder)
    assert with_undetected(images, folder).undetected is None
    write_alignment(folder, images, {3, 7})
    found = with_undetected(images, folder)
    assert found.undetected == {images.keys()[3], images.keys()[7]}
    assert found.where(np.arange(4)).undetected == found.undetected
    assert with_undetected(images.where(np.arange(4)), folder).undetected == {images.keys()[3]}


def test_a_folder_in_which_every_face_was_found_has_an_empty_set(folder: Path):
    images = read_folder(folder)
    write_alignment(folder, images, set())
    assert with_undetected(images, folder).undetected == frozenset()


def test_a_damaged_manifest_is_refused_in_words(folder: Path):
    images = read_folder(folder)
    write_alignment(folder, images, set())
    (folder / "manifest.csv").write_text("file,fallback\n")
    with pytest.raises(UserError, match="not that of a manifest"):
        with_undetected(images, folder)
