import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lfw_jax.descriptors import DescriptorSettings, describe, dimension, mirrored, mirrored_points, root
from lfw_jax.descriptors.binary_patterns import BINS, binary_patterns
from lfw_jax.descriptors.landmark_points import sixteen_points

SMALL = dict(cells=2, cell=4)
OPTIONS = [
    DescriptorSettings(scale=20.0, **SMALL),
    DescriptorSettings(scale=9.0, radius=2, cells=3, cell=2),
    DescriptorSettings(scale=20.0, layout="grid"),
    DescriptorSettings(kind="gradients", scale=14.0, orientations=8),
    DescriptorSettings(kind="gradients", scale=14.0, layout="grid", normalisation="cell"),
]


def faces(count: int = 3, height: int = 61, width: int = 64, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    five = np.array([(24, 25), (40, 25), (32, 34), (25, 43), (39, 43)]) + rng.normal(0, 3, (count, 5, 2))
    return rng.integers(0, 256, (count, height, width), np.uint8), five


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_mirrored_features_are_those_of_the_mirror_image(options):
    images, five = faces()
    width = images.shape[2]
    expected = describe(images[:, :, ::-1], mirrored_points(five, width), options, eye_distance=16.0)
    found = mirrored(describe(images, five, options, eye_distance=16.0), options)
    if options.kind == "lbp":
        np.testing.assert_array_equal(found, expected)
    else:
        np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_array_equal(mirrored(mirrored(found, options), options), found)


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.sampled_from([60, 61]), st.booleans(), st.floats(5, 40))
def test_mirroring_is_exact_for_any_width_scale_and_points(seed, width, whole, scale):
    images, five = faces(1, 40, width, seed)
    five = np.round(five) if whole else five
    options = DescriptorSettings(scale=scale, **SMALL)
    expected = describe(images[:, :, ::-1], mirrored_points(five, width), options, eye_distance=16.0)
    np.testing.assert_array_equal(mirrored(describe(images, five, options, eye_distance=16.0), options), expected)


@pytest.mark.parametrize("kind", ["lbp", "gradients"])
def test_a_shifted_image_with_shifted_points_has_the_same_features(kind):
    options = DescriptorSettings(kind=kind, scale=16.0, **SMALL)
    images, five = faces(2, 100, 100)
    first = describe(images[:, :90, :90], five + np.array((7.2, 5.1)), options, eye_distance=16.0)
    second = describe(images[:, 4:94, 6:96], five + np.array((1.2, 1.1)), options, eye_distance=16.0)
    np.testing.assert_array_equal(first, second)


def test_counts_equal_histograms_of_whole_cells():
    images, five = faces(1, 64, 64)
    options = DescriptorSettings(scale=16.0, **SMALL)
    found = describe(images, five, options, eye_distance=16.0).reshape(16, 2, 2, 59)
    for point, (x, y) in enumerate(sixteen_points(five)[0]):
        left, top = round(x - 3.5), round(y - 3.5)
        bins = BINS[binary_patterns(images[0, top - 1 : top + 9, left - 1 : left + 9], 1)]
        for row in range(2):
            for column in range(2):
                cell = bins[4 * row : 4 * row + 4, 4 * column : 4 * column + 4]
                np.testing.assert_array_equal(found[point, row, column], np.bincount(cell.ravel(), minlength=59))


def test_the_grid_is_in_the_middle_and_ignores_the_points():
    images, five = faces(1, 64, 64)
    options = DescriptorSettings(scale=16.0, layout="grid", extent=2.0)
    found = describe(images, five, options, eye_distance=16.0).reshape(4, 4, 59)
    bins = BINS[binary_patterns(images[0, 15:49, 15:49], 1)]
    np.testing.assert_array_equal(found[1, 2], np.bincount(bins[8:16, 16:24].ravel(), minlength=59))
    np.testing.assert_array_equal(found.ravel(), describe(images, five + 9, options, eye_distance=16.0)[0])


@pytest.mark.parametrize("kind", ["lbp", "gradients"])
def test_beyond_the_image_its_edge_is_repeated(kind):
    images, five = faces(2, 60, 60)
    options = DescriptorSettings(kind=kind, scale=16.0, **SMALL)
    padded = np.pad(images, ((0, 0), (60, 60), (60, 60)), mode="edge")
    outside = five - (30, 25)
    expected = describe(padded, outside + 60, options, eye_distance=16.0)
    np.testing.assert_array_equal(describe(images, outside, options, eye_distance=16.0), expected)
    far = describe(images, five - (1e9, 0), options, eye_distance=16.0)
    np.testing.assert_array_equal(far, describe(images, five - (200, 0), options, eye_distance=16.0))


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_dimension_type_and_sums(options):
    images, five = faces()
    found = describe(images, five, options, eye_distance=16.0)
    assert found.shape == (3, dimension(options))
    if options.kind == "lbp":
        assert found.dtype == np.uint8
        sums = found.reshape(3, -1, 59).sum(axis=2)
        assert (sums == options.cell**2).all()
    else:
        assert found.dtype == np.float32
        parts = options.patches if options.normalisation == "patch" else options.cells_per_side**2
        np.testing.assert_allclose(found.reshape(3, parts, -1).sum(axis=2), 1, rtol=1e-5)


def test_an_image_has_the_same_features_in_any_batch():
    images, five = faces(70, 40, 40)
    options = DescriptorSettings(scale=16.0, **SMALL)
    whole = describe(images, five, options, eye_distance=16.0)
    for index in (0, 31, 32, 69):
        alone = describe(images[index : index + 1], five[index : index + 1], options, eye_distance=16.0)
        np.testing.assert_array_equal(whole[index], alone[0])
    assert describe(images[:0], five[:0], options).shape == (0, dimension(options))


def test_colour_is_reduced_to_luma():
    images, five = faces()
    options = DescriptorSettings(scale=16.0, **SMALL)
    grey = describe(images, five, options, eye_distance=16.0)
    np.testing.assert_array_equal(describe(np.stack([images] * 3, -1), five, options, eye_distance=16.0), grey)
    colours = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), np.uint8)
    luma = np.floor(colours @ (77 / 256, 150 / 256, 29 / 256) + 0.5).astype(np.uint8)
    np.testing.assert_array_equal(
        describe(colours, five[:2], options, eye_distance=16.0), describe(luma, five[:2], options, eye_distance=16.0)
    )


def test_an_enlarged_image_has_nearly_the_same_features():
    y, x = np.mgrid[:120, :120]
    image = (127 + 60 * np.sin(x / 9 + y / 30) + 60 * np.cos(y / 11)).astype(np.uint8)[None]
    five = np.array([[(40, 45), (72, 45), (56, 60), (44, 80), (68, 80)]], float)
    options = DescriptorSettings(kind="gradients", scale=32.0)
    first = describe(image, five, options, eye_distance=32.0)
    larger = np.repeat(np.repeat(image, 2, axis=1), 2, axis=2)
    second = describe(larger, 2 * five + 0.5, options, eye_distance=64.0)
    assert np.abs(first - second).sum(axis=1).mean() / 16 < 0.1


def test_root():
    counts = np.array([[0, 1, 4, 64]], np.uint8)
    assert root(counts).tolist() == [[0, 1, 2, 8]]
    assert root(counts).dtype == np.float32
    assert root(np.array([[0.25]])).dtype == np.float32


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (dict(images=np.zeros((3, 61, 64))), "uint8 images"),
        (dict(images=np.zeros((3, 61, 64, 4), np.uint8)), r"\[3, 61, 64, 4\]"),
        (dict(images=np.zeros((3, 1, 64), np.uint8)), "at least 2×2"),
        (dict(points=np.zeros((2, 5, 2))), r"points \[3, 5, 2\], found \[2, 5, 2\]"),
        (dict(points=np.full((3, 5, 2), np.nan)), "points of 3 images are not finite, the first is image 0"),
        (dict(eye_distance=0.0), "positive eye distance"),
        (dict(eye_distance=float("nan")), "positive eye distance"),
    ],
)
def test_bad_input_is_refused(change, words):
    images, five = faces()
    arguments = dict(images=images, points=five, settings=DescriptorSettings(**SMALL)) | change
    with pytest.raises(ValueError, match=words):
        describe(**arguments)


def test_mirrored_refuses_features_of_other_settings():
    with pytest.raises(ValueError, match=r"\[images, 15104\], found \[2, 3072\]"):
        mirrored(np.zeros((2, 3072)), DescriptorSettings())
