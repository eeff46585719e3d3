"""The JAX cascade beside the mtcnn package: each part, and the faces that come out."""

import importlib.util
import io
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import joblib
import lz4.frame
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from lfw_jax.data.synthetic.portrait import draw
from lfw_jax.errors import UserError
from lfw_jax.faces.cascade import boxes as boxes_of
from lfw_jax.faces.cascade.detector import CascadeDetector
from lfw_jax.faces.cascade.networks import Networks, load_weights, onet, pnet, rnet
from lfw_jax.faces.cascade.sampling import level_sizes, normalize, pack, patches, sample_positions, scales, shrink
from lfw_jax.faces.cascade.stages import find_faces
from lfw_jax.faces.detection import Face

see_windows, look_again, look_thrice = jax.jit(pnet), jax.jit(rnet), jax.jit(onet)
not_suppressed = jax.jit(boxes_of.not_suppressed, static_argnames="of_smaller")


@pytest.fixture(scope="module")
def package(original):
    """The mtcnn package with scores in double precision.

    In single precision it scores several windows 1.0 and sorts them in an order that even depends on the other images
    of the batch; the cascade sorts by log-odds, which is the order of exact scores.
    """
    import tensorflow as tf

    mtcnn = original()
    for stage, last in zip(mtcnn.stages, ("conv4_2", "fc5_2", "fc6_3"), strict=True):
        getattr(stage.model, last).activation = lambda logits: tf.nn.softmax(tf.cast(logits, tf.float64))
    return mtcnn


@pytest.fixture(scope="module")
def networks() -> Networks:
    return load_weights()


@pytest.fixture(scope="module")
def detector() -> CascadeDetector:
    return CascadeDetector(batch_size=4, capacity=128)


def pixels(*shape: int, seed: int = 0) -> np.ndarray:
    """Images with something on every scale."""
    rng = np.random.default_rng(seed)
    coarse = np.repeat(np.repeat(rng.integers(0, 200, (*shape[:-3], 9, 9, 3)), 30, -3), 30, -2)
    coarse = coarse[..., : shape[-3], : shape[-2], :]
    return (coarse + rng.integers(0, 56, coarse.shape)).astype(np.uint8)


def rows_of(faces: Sequence[Face]) -> np.ndarray:
    """Faces as the package lists them: box, score, five x, five y."""
    return np.array([(*face.box, face.score, *face.points.T.ravel()) for face in faces]).reshape(-1, 15)


def assert_the_packages_faces(package, images: Sequence[np.ndarray], found: Sequence[Sequence[Face]]) -> int:
    """Each image alone goes through the package; returns the number of faces."""
    for image, faces in zip(images, found, strict=True):
        expected = package.detect_faces([image], box_format="xyxy", output_type="numpy")
        rows = rows_of(faces)
        assert len(rows) == len(expected)
        np.testing.assert_allclose(rows, expected[np.argsort(-expected[:, 5])][:, 1:], atol=0.01)
        np.testing.assert_allclose(rows[:, 4], np.sort(expected[:, 5])[::-1], atol=1e-4)
    return sum(map(len, found))


def test_the_weights_are_read_without_tensorflow():
    code = (
        "import sys; from lfw_jax.faces.cascade.networks import load_weights; layers = load_weights().onet; "
        "assert layers[4].kernel.shape == (1152, 256) and layers[5].slope is None; "
        "assert not {'tensorflow', 'mtcnn'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


def test_without_the_package_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(UserError, match="pip install mtcnn"):
        load_weights()


def test_weights_of_another_version_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    spec = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: spec)
    with pytest.raises(UserError, match=r"pnet.lz4 does not exist; expected .*mtcnn==1.0.0"):
        load_weights()
    (tmp_path / "assets" / "weights").mkdir(parents=True)
    pickled = io.BytesIO()
    joblib.dump([np.zeros((3, 3, 3, 11))], pickled)
    (tmp_path / "assets" / "weights" / "pnet.lz4").write_bytes(lz4.frame.compress(pickled.getvalue()))
    with pytest.raises(UserError, match=r"holds arrays of \[\(3, 3, 3, 11\)\]; expected"):
        load_weights()


@pytest.mark.parametrize("shape", [(12, 12), (31, 40), (53, 37)])
def test_pnet_is_the_packages(package, networks: Networks, shape: tuple[int, int]):
    images = np.asarray(normalize(pixels(2, *shape, 3)))
    offsets, log_odds = see_windows(networks.pnet, images)
    expected = [np.asarray(part) for part in package.stages[0].model(images)]
    assert offsets.shape == expected[0].shape
    np.testing.assert_allclose(offsets, expected[0], atol=1e-5)
    np.testing.assert_allclose(jax.nn.sigmoid(log_odds), expected[1][..., 1], atol=1e-5)


def test_pnet_sees_an_image_in_a_larger_array_as_if_it_were_alone(networks: Networks):
    sizes = [(12, 12), (31, 40), (40, 17), (41, 43)]
    images = np.asarray(normalize(pixels(4, 41, 43, 3)))  # what lies beyond is no blank
    offsets, log_odds = see_windows(networks.pnet, images, jnp.array(sizes))
    for k, (height, width) in enumerate(sizes):
        alone = see_windows(networks.pnet, images[k : k + 1, :height, :width])
        down, across = alone[1].shape[1:]
        np.testing.assert_allclose(offsets[k, :down, :across], alone[0][0], atol=1e-5)
        np.testing.assert_allclose(log_odds[k, :down, :across], alone[1][0], atol=1e-4)


def test_rnet_and_onet_are_the_packages(package, networks: Networks):
    small, large = (np.asarray(normalize(pixels(6, side, side, 3, seed=1))) for side in (24, 48))
    offsets, log_odds = look_again(networks.rnet, small)
    expected = [np.asarray(part) for part in package.stages[1].model(small)]
    np.testing.assert_allclose(offsets, expected[0], atol=1e-5)
    np.testing.assert_allclose(jax.nn.sigmoid(log_odds), expected[1][:, 1], atol=1e-5)
    offsets, points, log_odds = look_thrice(networks.onet, large)
    expected = [np.asarray(part) for part in package.stages[2].model(large)]
    np.testing.assert_allclose(offsets, expected[0], atol=1e-5)
    np.testing.assert_allclose(points.swapaxes(1, 2).reshape(-1, 10), expected[1], atol=1e-5)
    np.testing.assert_allclose(jax.nn.sigmoid(log_odds), expected[2][:, 1], atol=1e-5)


@given(height=st.integers(24, 3000), width=st.integers(24, 3000))
def test_scales_and_sizes_are_the_packages(height: int, width: int):
    from mtcnn.utils.images import build_scale_pyramid

    expected = build_scale_pyramid(width, height, 20, 0.709)
    np.testing.assert_array_equal(scales(height, width), expected)
    sizes = level_sizes(height, width, scales(3000, 3000))
    np.testing.assert_array_equal(sizes[: len(expected)], [(int(height * s), int(width * s)) for s in expected])
    assert (sizes[: len(expected)] >= 12).all()
    assert not sizes[len(expected) :].any()


@pytest.mark.parametrize("scale", [0.6, 0.6 * 0.709**4, 0.6 * 0.709**9])
def test_shrinking_is_tensorflows_area_resize(scale: float):
    import tensorflow as tf

    sizes = [(230, 270), (251, 190), (270, 263)]
    images = pixels(3, 270, 270, 3)
    targets = [(int(height * scale), int(width * scale)) for height, width in sizes]
    level = (int(270 * scale), int(270 * scale))
    whole = jax.jit(shrink, static_argnums=1)(normalize(images), level)
    np.testing.assert_allclose(whole, tf.image.resize(np.asarray(normalize(images)), level, method="area"), atol=2e-5)
    own = jax.jit(shrink, static_argnums=1)(normalize(images), level, jnp.array(sizes), jnp.array(targets))
    for k, ((height, width), target) in enumerate(zip(sizes, targets, strict=True)):
        alone = np.asarray(normalize(images[k : k + 1, :height, :width]))
        expected = tf.image.resize(alone, target, method="area")[0]
        np.testing.assert_allclose(own[k, : target[0], : target[1]], expected, atol=2e-5)


def test_patches_are_tensorflows_crop_and_resize():
    import tensorflow as tf

    images, rng = pixels(3, 60, 80, 3), np.random.default_rng(2)
    image, corner, side = rng.integers(0, 3, 40), rng.uniform(-20, 60, (40, 2)), rng.uniform(5, 50, (40, 2))
    boxes = np.concatenate([corner, corner + side], axis=1).astype(np.float32)
    boxes[:3] = (0, 0, 80, 60), (0, 0, 40, 30), (10, 10, 10, 10)
    sizes = np.full((3, 2), (60, 80))
    positions = sample_positions(boxes, sizes[image], 24)
    found = jax.jit(patches)(pack(images), sizes, image, positions)
    expected = tf.image.crop_and_resize(
        np.asarray(normalize(images)), boxes[:, [1, 0, 3, 2]] / np.float32([60, 80, 60, 80]), image, (24, 24)
    )
    # At the border itself a sample is inside or outside by a rounding.
    edge = np.abs(positions[:, :, :, None] - np.array([(0, 59), (0, 79)])[None, :, None]).min(-1) < 1e-4
    clear = ~(edge[:, 0, :, None] | edge[:, 1, None, :])
    assert clear.mean() > 0.95
    np.testing.assert_allclose(np.asarray(found)[clear], expected.numpy()[clear], atol=5e-4)
    assert not np.asarray(found)[boxes[:, 3] < 0].any()


def test_patches_of_an_image_in_a_larger_array_end_where_it_ends():
    images = pixels(1, 60, 80, 3)
    boxes, place, size = jnp.array([(-5.0, -3, 50, 44)]), jnp.array([0]), jnp.array([(40, 45)])
    positions = sample_positions(boxes, size, 24)
    alone = patches(pack(images[:, :40, :45]), size, place, positions)
    np.testing.assert_array_equal(patches(pack(images), size, place, positions), alone)


@given(
    seed=st.integers(0, 1000),
    count=st.integers(1, 40),
    threshold=st.sampled_from([0.3, 0.5, 0.7]),
    method=st.sampled_from(["union", "min"]),
)
def test_overlapping_boxes_fall_as_in_the_package(seed: int, count: int, threshold: float, method: str):
    from mtcnn.utils.bboxes import smart_nms_from_bboxes

    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 30, (count, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(10, 30, (count, 2))], axis=1).astype(np.float32)
    rows = np.column_stack((np.zeros(count), boxes, np.linspace(0.9, 0.1, count)))
    expected = smart_nms_from_bboxes(rows, threshold, method=method)
    padded = np.concatenate([boxes, np.tile(boxes[:1], (40 - count, 1))])[None]
    kept = not_suppressed(padded, np.arange(40)[None] < count, threshold, of_smaller=method == "min")
    np.testing.assert_array_equal(padded[kept], expected[:, 1:5].astype(np.float32))


def test_a_surpassed_box_surpasses_others():
    boxes = jnp.array([[(0.0, 0, 10, 10), (0, 3, 10, 13), (0, 6, 10, 16)]])  # the first and the third hardly meet
    kept = not_suppressed(boxes, jnp.ones((1, 3), bool), 0.5)
    assert kept.tolist() == [[True, False, False]]
    assert not_suppressed(boxes, jnp.array([[True, False, True]]), 0.5).tolist() == [[True, False, True]]


def test_boxes_and_points_move_as_in_the_package():
    import tensorflow as tf
    from mtcnn.utils.bboxes import adjust_bboxes, generate_bounding_box, limit_bboxes, resize_to_square
    from mtcnn.utils.landmarks import adjust_landmarks

    rng = np.random.default_rng(3)
    corner = rng.uniform(-10, 50, (20, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(5, 40, (20, 2))], axis=1).astype(np.float32)
    rows, offsets = np.column_stack((np.zeros(20), boxes)), rng.normal(0, 0.2, (20, 4)).astype(np.float32)
    np.testing.assert_allclose(boxes_of.moved(boxes, offsets), adjust_bboxes(rows, offsets)[:, 1:], atol=1e-4)
    np.testing.assert_allclose(boxes_of.squared(boxes), resize_to_square(rows)[:, 1:], atol=1e-4)
    limited = limit_bboxes(rows, np.array([(40, 60, 3)]), limit_landmarks=False)[:, 1:]
    np.testing.assert_allclose(boxes_of.within(boxes[None], jnp.array([(40, 60)]))[0], limited, atol=1e-4)
    points = rng.uniform(0, 1, (20, 10)).astype(np.float32)
    expected = adjust_landmarks(tf.constant(points), rows).reshape(20, 2, 5).swapaxes(1, 2)
    found = boxes_of.points_in(boxes, points.reshape(20, 2, 5).swapaxes(1, 2))
    np.testing.assert_allclose(found, expected, atol=1e-4)
    maps = tf.constant(rng.normal(0, 0.2, (1, 4, 5, 4)), tf.float32), tf.constant(rng.uniform(0.7, 1, (1, 4, 5, 2)))
    expected = generate_bounding_box(*maps, 0.6)
    at = np.argsort(-maps[1].numpy()[..., 1].ravel())
    found = boxes_of.from_windows(at // 5, at % 5, maps[0].numpy().reshape(-1, 4)[at], 1.0)
    np.testing.assert_allclose(found, expected[:, 1:5], atol=1e-4)


@pytest.fixture(scope="module")
def drawn() -> list[np.ndarray]:
    """Drawn faces: five images of one size, which fill a batch and begin another, and three of other sizes."""
    faces = [draw(3, person, 1, 120) for person in range(8)]
    return [*faces[:5], faces[5][:110], faces[6][:95, 10:], np.pad(faces[7], ((0, 8), (0, 3), (0, 0)))]


def test_drawn_faces_of_several_sizes_are_the_packages(package, detector: CascadeDetector, drawn: list[np.ndarray]):
    assert assert_the_packages_faces(package, drawn, detector(drawn)) >= 4


def test_crops_are_made_from_points_between_pixels(
    package, detector: CascadeDetector, drawn: list[np.ndarray], assert_subpixel_crops
):
    assert_subpixel_crops(package, detector, drawn)


def test_what_lies_beside_an_image_changes_nothing(detector: CascadeDetector, drawn: list[np.ndarray]):
    together = detector(drawn)
    for image, faces in zip(drawn[-3:], together[-3:], strict=True):
        np.testing.assert_allclose(rows_of(detector([image])[0]), rows_of(faces), atol=1e-3)


def test_a_small_capacity_costs_time_but_no_face(detector: CascadeDetector, drawn: list[np.ndarray]):
    assert find_faces(load_weights(), np.stack(drawn[:4]), capacity=16).overflowed.any()
    tight = CascadeDetector(batch_size=4, capacity=16)
    for few, many in zip(tight(drawn[:4]), detector(drawn[:4]), strict=True):
        np.testing.assert_allclose(rows_of(few), rows_of(many), atol=1e-3)


def test_images_that_hold_no_face_and_none_at_all_are_no_error(detector: CascadeDetector):
    blank = np.zeros((120, 120, 3), np.uint8)
    assert detector([]) == []
    assert detector([blank, blank[:23], blank[:, :1]]) == [[], [], []]


def test_what_is_no_image_is_refused(detector: CascadeDetector):
    with pytest.raises(ValueError, match=r"image 1 is float32\[30, 30, 3\]"):
        detector([np.zeros((30, 30, 3), np.uint8), np.zeros((30, 30, 3), np.float32)])
    with pytest.raises(ValueError, match="batch_size must be at least 1"):
        CascadeDetector(batch_size=0)


def test_real_faces_are_the_packages(lfw_dir: Path, package):
    files = sorted(lfw_dir.glob("*/*_0001.jpg"))[::180][:32]
    images = [np.asarray(Image.open(file).convert("RGB")) for file in files]
    assert assert_the_packages_faces(package, images, CascadeDetector()(images)) >= 32
