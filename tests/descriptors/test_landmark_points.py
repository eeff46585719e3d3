import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lfw_jax.descriptors.landmark_points import FIVE_MIRRORED, MIRRORED, mirrored_points, sixteen_points

numbers = st.floats(-300, 300, width=32)
faces = st.lists(numbers, min_size=10, max_size=10).map(lambda values: np.array(values).reshape(1, 5, 2))


@given(faces, st.lists(numbers, min_size=6, max_size=6))
def test_an_affine_map_of_the_five_maps_the_sixteen(five, entries):
    matrix, shift = np.array(entries[:4]).reshape(2, 2), np.array(entries[4:])
    np.testing.assert_allclose(
        sixteen_points(five @ matrix + shift), sixteen_points(five) @ matrix + shift, rtol=1e-9, atol=1e-6
    )


@given(faces)
def test_the_mirror_image_maps_each_point_to_its_counterpart(five):
    width = 208
    expected = (sixteen_points(five) * (-1, 1) + (width - 1, 0))[:, MIRRORED]
    np.testing.assert_allclose(sixteen_points(mirrored_points(five, width)), expected, atol=1e-9)


def test_mirroring_twice_changes_nothing():
    np.testing.assert_array_equal(MIRRORED[MIRRORED], np.arange(16))
    np.testing.assert_array_equal(FIVE_MIRRORED[FIVE_MIRRORED], np.arange(5))
    five = np.random.default_rng(0).uniform(0, 208, (3, 5, 2))
    np.testing.assert_allclose(mirrored_points(mirrored_points(five, 208), 208), five)


def test_the_points_of_a_face_lie_where_they_are_named():
    five = np.array([[(0, 0), (2, 0), (1, 1), (0, 2), (2, 2)]])  # down is (0, 2), across is (2, 0)
    expected = [(0, 0), (2, 0), (1, 1), (0, 2), (2, 2), (1, 0), (1, 2), (0, -0.8), (2, -0.8), (-0.7, 0), (2.7, 0)]
    expected += [(0, 1), (2, 1), (1, 0.5), (1, -1.2), (1, 2.7)]
    np.testing.assert_allclose(sixteen_points(five)[0], expected, atol=1e-12)


def test_the_points_of_an_aligned_face_are_at_least_a_sixth_of_the_eye_distance_apart():
    five = np.array([[(38.3, 51.7), (73.5, 51.5), (56.0, 71.7), (41.5, 92.4), (70.7, 92.2)]])
    points = sixteen_points(five)[0]
    distances = np.linalg.norm(points[:, None] - points, axis=2) + 1000 * np.eye(16)
    assert distances.min() > 35.2 / 6
