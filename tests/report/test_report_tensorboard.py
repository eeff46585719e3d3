"""What is written must be what TensorBoard's own reader finds."""

import io
import sys
from types import ModuleType

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from lfw_jax.report.tensorboard import TensorBoard


@pytest.fixture(scope="module", autouse=True)
def _reader_without_tensorflow():
    # TensorBoard's reader looks for this module, and where it is there, leaves TensorFlow (20 seconds) alone.
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "tensorboard.compat.notf", ModuleType("notf"))
        yield


def read(directory):
    sizes = {"scalars": 0, "histograms": 0, "images": 0, "tensors": 0}
    return EventAccumulator(str(directory), size_guidance=sizes).Reload()


def curve(directory, tag):
    return [(event.step, event.value) for event in read(directory).Scalars(tag)]


def test_scalars_come_back_with_their_tags_steps_and_values(tmp_path):
    with TensorBoard(tmp_path / "new" / "run") as board:
        board.scalars(1, {"train/loss": 2.5, "train/learning_rate": np.float32(0.25)})
        board.scalars(2, {"train/loss": 1.5})
    assert curve(tmp_path / "new" / "run", "train/loss") == [(1, 2.5), (2, 1.5)]
    assert curve(tmp_path / "new" / "run", "train/learning_rate") == [(1, 0.25)]


def test_a_loss_of_nan_is_seen_as_nan(tmp_path):
    with TensorBoard(tmp_path) as board:
        board.scalars(3, {"train/loss": float("nan")})
    [(step, value)] = curve(tmp_path, "train/loss")
    assert step == 3
    assert np.isnan(value)


def test_a_resumed_run_shows_no_zig_zag_even_within_the_same_second(tmp_path):
    with TensorBoard(tmp_path) as board:
        for step in range(1, 9):
            board.scalars(step, {"train/loss": 100.0 + step})
    with TensorBoard(tmp_path, purge_step=5) as board:
        for step in range(5, 11):
            board.scalars(step, {"train/loss": float(step)})
    points = curve(tmp_path, "train/loss")
    assert [step for step, _ in points] == list(range(1, 11))
    assert [value for _, value in points] == [101, 102, 103, 104, 5, 6, 7, 8, 9, 10]


def test_a_histogram_counts_the_finite_values_alone(tmp_path):
    with TensorBoard(tmp_path) as board:
        board.histogram(4, "distances", np.array([[0.5, 1.0], [1.5, np.nan]]))
        board.histogram(4, "lost", np.array([np.inf]))
    events = read(tmp_path)
    [event] = events.Histograms("distances")
    assert (event.step, event.histogram_value.num) == (4, 3)
    assert event.histogram_value.sum == pytest.approx(3.0)
    assert (event.histogram_value.min, event.histogram_value.max) == (0.5, 1.5)
    assert events.Tags()["histograms"] == ["distances"]


def test_an_image_comes_back_pixel_for_pixel(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (7, 5, 3), dtype=np.uint8)
    with TensorBoard(tmp_path) as board:
        board.image(2, "batch", image)
    [event] = read(tmp_path).Images("batch")
    assert event.step == 2
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(event.encoded_image_string))), image)


def test_a_figure_is_written_in_its_own_size(tmp_path):
    figure = Figure(figsize=(3, 2), dpi=50)
    figure.add_subplot().plot([0, 1])
    with TensorBoard(tmp_path) as board:
        board.figure(1, "roc", figure)
    [event] = read(tmp_path).Images("roc")
    assert (event.width, event.height) == (150, 100)
    assert np.asarray(Image.open(io.BytesIO(event.encoded_image_string))).std() > 0


def test_text_comes_back_word_for_word(tmp_path):
    with TensorBoard(tmp_path) as board:
        board.text("config", "    loss: arcface ü")
    [event] = read(tmp_path).Tensors("config/text_summary")
    assert event.tensor_proto.string_val[0].decode() == "    loss: arcface ü"


@pytest.mark.parametrize("image", [np.zeros((4, 4, 3)), np.zeros((4, 4), np.uint8), np.zeros((4, 4, 2), np.uint8)])
def test_an_image_of_another_shape_or_dtype_is_refused_in_words(tmp_path, image):
    with TensorBoard(tmp_path) as board, pytest.raises(ValueError, match="expected uint8"):
        board.image(0, "batch", image)
