"""The cascade on a device: its reference on disk, faces beside it, and how many images a second."""

import dataclasses
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.gpu import alignment, correctness
from benchmarks.gpu.alignment import write_cascade_reference
from benchmarks.gpu.cascade_reference import CascadeReference, read_cascade_reference
from benchmarks.gpu.correctness_cascade import compare_faces
from benchmarks.gpu.correctness_comparison import AGREES, DIFFERS, TIES
from lfw_jax.data.decoding.whole import decode_whole
from lfw_jax.data.formats.array import read_array, write_array
from lfw_jax.data.images import ImageSet
from lfw_jax.data.synthetic.portrait import draw
from lfw_jax.errors import UserError
from lfw_jax.faces.cascade.detector import CascadeDetector
from lfw_jax.faces.detection import Face

IMAGES, REFERENCES = 16, 8  # a batch of the toy, which is compiled once


def encoded(pixels: np.ndarray) -> bytes:
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, format="JPEG", quality=90)
    return content.getvalue()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fifteen synthetic faces and one image without a face, with the reference of the first eight."""
    folder = tmp_path_factory.mktemp("bundle")
    files = [encoded(draw(3, person, 1, 100)) for person in range(IMAGES - 1)]
    files.append(encoded(np.zeros((100, 100, 3), np.uint8)))
    labels = np.arange(IMAGES, dtype=np.int32)
    names = tuple(f"Person_{label:02d}" for label in labels)
    write_array(folder / "originals.npz", ImageSet(names, labels, np.ones_like(labels), files, "encoded"))
    write_cascade_reference(read_array(folder / "originals.npz"), folder / "cascade_reference.npz", REFERENCES)
    return folder


@pytest.fixture
def changing(bundle: Path, tmp_path: Path) -> Path:
    """A copy of the bundle, to be spoilt."""
    return Path(shutil.copytree(bundle, tmp_path / "bundle"))


def measure_cascade(folder: Path) -> dict:
    return correctness.measure(folder / "lfw_aligned.npz", folder, toy=True, part="cascade")


def test_a_reference_holds_what_the_cascade_finds(bundle: Path):
    images = read_array(bundle / "originals.npz")
    reference = read_cascade_reference(bundle / "cascade_reference.npz")
    found = CascadeDetector(REFERENCES)([decode_whole(images.images[place]) for place in range(REFERENCES)])
    assert reference.counts.tolist() == [len(faces) for faces in found]
    assert reference.counts.sum() >= 3
    assert reference.made_with[0].startswith("JAX ")
    for place, faces in enumerate(found):
        for stored, face in zip(reference.faces(place), faces, strict=True):
            np.testing.assert_allclose(stored.box, face.box, atol=1e-5)
            np.testing.assert_allclose(stored.points, face.points, atol=1e-5)
            assert stored.score == pytest.approx(face.score, abs=1e-7)


def test_the_cascade_agrees_with_its_reference(bundle: Path):
    figures = measure_cascade(bundle)
    assert figures["verdict"] == AGREES
    assert figures["faces"] == figures["faces_expected"] >= 3
    assert max(figures[f"{name}_error"] for name in ("box", "points")) < 1e-3
    assert figures["images_decoded_to_other_pixels"] == 0
    assert "batches of 3" in figures["compared"]
    json.dumps(figures, allow_nan=False)


def test_a_cascade_that_finds_something_else_is_found(changing: Path):
    path = changing / "cascade_reference.npz"
    arrays = dict(np.load(path))
    np.savez(path, **arrays | {"points": arrays["points"] + np.float32(0.5)})
    figures = measure_cascade(changing)
    assert figures["verdict"] == DIFFERS
    assert figures["points_error"] == pytest.approx(0.5, abs=1e-3)
    assert figures["box_error"] < 1e-3


def cut(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return arrays | {"boxes": arrays["boxes"][:-1]}


def of_another_type(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return arrays | {"counts": arrays["counts"].astype(np.float32)}


def not_finite(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return arrays | {"points": np.full_like(arrays["points"], np.nan)}


def lacking(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: array for name, array in arrays.items() if name != "scores"}


def of_other_images(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return arrays | {"contents": arrays["contents"][::-1]}


def of_more_images(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    counts = np.concatenate([arrays["counts"], np.zeros(IMAGES, np.int32)])
    crcs = {name: np.concatenate([arrays[name], np.zeros(IMAGES, np.uint32)]) for name in ("contents", "pixels")}
    return arrays | {"counts": counts} | crcs


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (cut, "`boxes` is float32"),
        (of_another_type, "`counts` is float32"),
        (not_finite, "`points` holds numbers that are not finite"),
        (lacking, "no array `scores`"),
        (of_other_images, "was made of other images"),
        (of_more_images, "faces of 24 images, but originals.npz beside it has 16"),
    ],
)
def test_a_reference_that_does_not_fit_is_told(
    changing: Path, spoil: Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]], words: str
):
    path = changing / "cascade_reference.npz"
    np.savez(path, allow_pickle=False, **spoil(dict(np.load(path))))
    with pytest.raises(UserError, match=r"cascade_reference\.npz.*bundle") as caught:
        measure_cascade(changing)
    assert words in str(caught.value)


def test_a_damaged_or_missing_reference_is_told(changing: Path):
    path = changing / "cascade_reference.npz"
    content = path.read_bytes()
    for size in (0, 100, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:size])
        with pytest.raises(UserError, match=r"cascade_reference\.npz.*make gpu-bundle"):
            measure_cascade(changing)
    path.unlink()
    with pytest.raises(UserError, match=r"cascade_reference\.npz: found no such file.*make gpu-bundle"):
        measure_cascade(changing)


def face(left: float, score: float = 0.9) -> Face:
    corners = np.array([(0, 0), (9, 0), (5, 5), (1, 9), (8, 9)], np.float64)
    return Face((left, 0.0, left + 10, 10.0), corners + left, score)


@pytest.mark.parametrize(
    ("found", "verdict", "counts", "beyond"),
    [
        ([face(0), face(30)], AGREES, [], []),
        ([face(30), face(0)], AGREES, [], []),  # of equal scores
        ([face(0.005), face(30)], AGREES, [], []),
        ([face(0.02), face(30)], TIES, [], [0]),
        ([face(0), face(0)], TIES, [], [0]),
        ([face(0), face(30, 0.8)], TIES, [], [0]),
        ([face(0)], TIES, [0], []),
        ([], TIES, [0], []),
    ],
)
def test_faces_are_matched_and_a_few_may_be_ties(found: list[Face], verdict: str, counts: list[int], beyond: list[int]):
    right = [face(0), face(30)]
    figures = compare_faces([right] * 50, [found] + [right] * 49)
    assert figures["verdict"] == verdict
    assert figures["images_with_other_counts"] == counts
    assert figures["images_beyond_tolerance"] == beyond
    if verdict == TIES:
        assert compare_faces([right] * 50, [found] * 2 + [right] * 48)["verdict"] == DIFFERS


def test_no_face_at_all_is_no_agreement():
    assert compare_faces([[], []], [[], []])["verdict"] == DIFFERS


def test_alignment_is_timed_from_pixels_and_from_files(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    figures = alignment.measure(bundle / "lfw_aligned.npz", tmp_path, toy=True)
    reference = read_cascade_reference(bundle / "cascade_reference.npz")
    assert figures["images"] == IMAGES
    assert figures["faces"] >= reference.counts.sum()
    assert 1 <= figures["images_without_face"] < IMAGES // 2
    assert figures["unreadable_images"] == 0
    rates = figures["images_per_second"]
    assert list(rates) == [
        "decoding", "detection, pixels in memory", "detection, pixels on the device", "files to crops in memory",
        "files to crops on disk",
    ]  # fmt: skip
    assert all(0 < rate["lowest"] <= rate["median"] <= rate["highest"] for rate in rates.values())
    assert list(tmp_path.iterdir()) == []
    json.dumps(figures, allow_nan=False)
    assert "files to crops on disk" in capsys.readouterr().out


def test_too_few_originals_are_told(bundle: Path, tmp_path: Path):
    few = read_array(bundle / "originals.npz").where(np.arange(3))
    write_array(tmp_path / "originals.npz", few)
    with pytest.raises(UserError, match=r"found 3 images, expected at least a batch of 8"):
        alignment.measure(tmp_path / "lfw_aligned.npz", tmp_path, toy=True)


def test_missing_originals_are_told(tmp_path: Path):
    with pytest.raises(UserError, match=r"originals\.npz"):
        alignment.measure(tmp_path / "lfw_aligned.npz", tmp_path, toy=True)
    with pytest.raises(UserError, match=r"originals\.npz"):
        measure_cascade(tmp_path)


def test_the_arrays_of_a_reference_are_its_fields(bundle: Path):
    fields = {field.name for field in dataclasses.fields(CascadeReference)}
    assert set(np.load(bundle / "cascade_reference.npz").files) == fields
