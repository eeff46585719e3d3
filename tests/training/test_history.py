"""The rows of a history are typed, and damaged ones are refused in words."""

import pytest

from lfw_jax.errors import UserError
from lfw_jax.training.history import HistoryRow, history_rows, median_images_per_second, training_seconds

LOG = {"step": 10, "epoch": 0.5, "loss": 2.0, "learning_rate": 0.1, "images_per_second": 300.0}
VALIDATION = {"step": 10, "epoch": 0.5, "seconds": 4.25, "validation_accuracy": 0.75, "validation_auc": 0.8}


def test_a_row_has_what_was_logged_and_none_for_the_rest():
    log, validation = history_rows([LOG, VALIDATION])
    assert log == HistoryRow(10, epoch=0.5, loss=2.0, learning_rate=0.1, images_per_second=300.0)
    assert validation == HistoryRow(10, epoch=0.5, seconds=4.25, validation_accuracy=0.75, validation_auc=0.8)


def test_the_throughput_is_the_median_of_the_rows_that_have_one():
    rows = history_rows([{**LOG, "images_per_second": rate} for rate in (100.0, 400.0, 200.0, 300.0)] + [VALIDATION])
    assert median_images_per_second(rows) == 250.0
    assert median_images_per_second(history_rows([VALIDATION])) is None


def test_the_duration_is_that_of_the_last_row():
    assert training_seconds(history_rows([LOG, VALIDATION])) == 4.25
    assert training_seconds(history_rows([VALIDATION, LOG])) == 0.0
    assert training_seconds(()) == 0.0


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"step": 1.5}, r"row 2: key step is 1\.5, expected a whole number"),
        ({"step": 1, "loss": "low"}, 'row 2: key loss is "low", expected a number'),
        ({"loss": 1.0}, "row 2: found no key step"),
        ({"step": 1, "lost": 1.0}, "row 2: found the unknown key lost"),
    ],
)
def test_a_damaged_row_is_named(row, words):
    with pytest.raises(UserError, match=rf"history\.jsonl, {words}"):
        history_rows([LOG, row])
