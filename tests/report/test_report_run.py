"""The output of a run: its page, its sections, its tables and its events."""

import dataclasses
import io
import sys
from types import ModuleType

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from lfw_jax.evaluation.diagnosis.worst_errors import worst_errors
from lfw_jax.evaluation.results import ListResult
from lfw_jax.evaluation.run_metrics import RunMetrics
from lfw_jax.evaluation.scores import ScoredPairs
from lfw_jax.evaluation.verification import verify_folds
from lfw_jax.report.data_summary import DataSummary, Development, ListSize, data_section
from lfw_jax.report.errors import errors_section
from lfw_jax.report.evaluation_sets import sets_section
from lfw_jax.report.page import Section
from lfw_jax.report.run_page import RunReport, write_run_page
from lfw_jax.report.sections import baseline_section
from lfw_jax.report.tables import print_results
from lfw_jax.report.tensorboard import TensorBoard
from lfw_jax.report.tensorboard_logs import log_results
from lfw_jax.training.history import HistoryRow
from tests.evaluation.finished_folders import run_metrics, scored

DATA = DataSummary(
    training_images=1200,
    training_identities=300,
    validation=ListSize("held-out identities", 600),
    development=Development(ListSize("pairsDevTrain", 2200), identities=2132, training_identities=0),
    test=ListSize("pairsDevTest", 1000),
    sets=(ListSize("party", 40),),
    notes=("somebody was excluded.",),
    sampling="uniform batches of 64",
    skipped=(),
)


def set_result(pairs: int = 4000, name: str = "party") -> ListResult:
    listed = scored(name, 7, pairs)
    return verify_folds(dataclasses.replace(listed, folds=np.arange(pairs) * 10 // pairs)).metrics


def with_set(**changes) -> RunMetrics:
    return run_metrics(1, sets={"party": set_result()}, **changes)


def report(metrics: RunMetrics, history: tuple[HistoryRow, ...] = (HistoryRow(1, loss=2.0),)) -> RunReport:
    return RunReport(
        metrics, scored("test", 1), Section("The worst errors", "None."), history, DATA, "ArcFace", "loss: arcface"
    )


def test_the_page_has_a_section_for_everything_that_was_measured(tmp_path):
    write_run_page(tmp_path / "report.html", report(with_set(leaking={"party": 3})))
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    titles = [part.partition("</h2>")[0] for part in page.split("<h2>")[1:]]
    assert titles[:7] == [
        "Verification on test", "Error rates of the listed pairs", "The worst errors", "Evaluation sets",
        "Comparison with raw pixels", "Training", "Data",
    ]  # fmt: skip
    assert "ArcFace; best checkpoint, step 1,200" in page
    assert (
        '<p class="notice" role="note">3 identities of party are in the training set, so its metrics are too optimistic</p>'
        in page
    )


def test_the_page_leaves_out_what_there_is_not(tmp_path):
    write_run_page(tmp_path / "report.html", report(run_metrics(1), ()))
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<h2>Evaluation sets" not in page
    assert "<h2>Training" not in page
    assert 'role="note"' not in page


def test_a_set_that_failed_is_named_with_its_reason_on_page_and_terminal(tmp_path, capsys):
    failed = {"friends": "Ann_0001.jpg: cannot be decoded."}
    for metrics in (run_metrics(1, failed_sets=failed), with_set(failed_sets=failed)):
        write_run_page(tmp_path / "report.html", report(metrics))
        page = (tmp_path / "report.html").read_text(encoding="utf-8")
        assert '<p class="notice" role="note">friends could not be evaluated</p>' in page
        assert "friends could not be evaluated: Ann_0001.jpg: cannot be decoded." in page
        print_results(metrics)
        assert "evaluation set friends could not be evaluated: Ann_0001.jpg" in capsys.readouterr().out


def test_the_baseline_stands_below_the_embeddings():
    metrics = run_metrics(1)
    table = baseline_section(metrics.test, metrics.baseline).table
    assert table is not None
    assert table[1] == [
        "Embeddings",
        f"{100 * metrics.test.by_rule('accuracy').accuracy:.1f} %",
        f"{metrics.test.auc:.3f}",
    ]
    assert table[2][0] == "Raw pixels"
    assert table[2][2] == f"{metrics.baseline.auc:.3f}"


def test_a_set_has_its_row_with_dashes_for_what_it_lacks():
    found = set_result()
    assert found.folds is not None
    bare = dataclasses.replace(found, name="bare", folds=None, insightface=None, true_accept_rates=())
    section = sets_section([found, bare], {"bare": 2})
    assert section.table is not None
    assert section.table[1][0] == "party"
    assert section.table[1][3] == f"{100 * found.folds.population_std:.2f} %"
    assert section.table[1][6] == f"{100 * (found.true_accept_rate(0.001) or 0):.2f} %"
    accuracy = bare.by_rule("accuracy").accuracy
    assert section.table[2][:5] == ["bare", "4,000", f"{100 * accuracy:.2f} %", "–", "–"]
    assert section.table[2][6] == "–"
    assert "2 identities of bare are in the training set, so its metrics are too optimistic" in section.text


def test_the_worst_errors_are_shown_with_both_images():
    pairs = ScoredPairs("test", [0.2, 0.9, 0.1, 0.95], [False, True, False, True])
    images = 20 * np.arange(8, dtype=np.uint8)[:, None, None, None] * np.ones((1, 6, 6, 3), np.uint8)
    indices = np.arange(4), np.arange(4) + 4
    section = errors_section(worst_errors(pairs, 0.5, at_most=1), pairs, 0.5, images, indices)
    captions = [caption for caption, _ in section.figures]
    assert captions == [
        "False matches: 2 of 2 pairs, the nearest shown with their distances.",
        "False non-matches: 2 of 2 pairs, the farthest shown with their distances.",
    ]
    for (_, gallery), index in zip(section.figures, (2, 3), strict=True):
        [pair] = gallery.pairs
        shown = [np.asarray(Image.open(io.BytesIO(jpeg))).max() for jpeg in (pair.first, pair.second)]
        assert shown == pytest.approx([20 * index, 20 * (index + 4)], abs=3)
        assert pair.caption == f"{pairs.distances[index]:.2f}"
    assert "threshold 0.500" in section.text


def test_the_worst_errors_have_names_where_they_are_known():
    names = [["Ada", "名前"], ["Bob", "Bob"]]
    pairs = ScoredPairs("test", [0.2, 0.9], [False, True], names, [[1, 2], [3, 4]])
    images = np.zeros((4, 6, 6, 3), np.uint8)
    section = errors_section(worst_errors(pairs, 0.5, at_most=1), pairs, 0.5, images, (np.arange(2), np.arange(2)))
    assert [gallery.pairs[0].caption for _, gallery in section.figures] == ["0.20: Ada 1, 名前 2", "0.90: Bob 3, Bob 4"]
    assert section.figures[0][1].pairs[0].names == ("Ada 1", "名前 2")


def test_without_errors_the_section_states_it():
    pairs = ScoredPairs("test", [0.2, 0.9], [True, False])
    nothing = np.zeros((4, 6, 6, 3), np.uint8)
    section = errors_section(worst_errors(pairs, 0.5, at_most=6), pairs, 0.5, nothing, (np.arange(2), np.arange(2)))
    assert (section.text, list(section.figures)) == ("No pair is classified wrongly.", [])


def test_the_data_section_states_sizes_and_remarks():
    section = data_section(DATA)
    assert section.table == [
        ["Part", "Content"],
        ["Training", "1,200 images of 300 identities"],
        ["Validation", "600 pairs of identities held out of training (held-out identities)"],
        ["Development", "2,200 pairs, on which thresholds are chosen (pairsDevTrain)"],
        ["Test", "1,000 pairs (pairsDevTest)"],
        ["party", "40 pairs"],
    ]
    assert section.text == "Somebody was excluded.\n\nUniform batches of 64."


def test_the_data_section_states_training_identities_folds_and_skipped_files():
    assert DATA.development is not None
    training = dataclasses.replace(DATA.development, training_identities=2085)
    table = data_section(dataclasses.replace(DATA, development=training)).table
    assert table is not None
    assert table[3][1].endswith("(pairsDevTrain); 2,085 of their 2,132 identities are also used for training")
    skipped = tuple((f"{number}.txt", "no image") for number in range(6))
    section = data_section(dataclasses.replace(DATA, development=None, skipped=skipped))
    assert section.table is not None
    assert section.table[3][1] == "the other folds of pairsDevTest, for each fold"
    assert "6 files were skipped: 0.txt: no image; " in section.text
    assert section.text.endswith("4.txt: no image and more.")


def test_the_terminal_shows_the_test_list_the_pixels_and_the_sets(capsys):
    metrics = with_set()
    print_results(metrics)
    said = capsys.readouterr().out
    assert "test: 20 same, 20 different pairs" in said
    assert f"baseline of raw pixels: accuracy {100 * metrics.baseline.by_rule('accuracy').accuracy:.1f} %" in said
    assert "Evaluation sets" in said
    print_results(run_metrics(1))
    assert "Evaluation sets" not in capsys.readouterr().out


def test_the_events_hold_the_metrics_and_the_plots(tmp_path, monkeypatch):
    # TensorBoard's reader looks for this module, and where it is there, leaves TensorFlow (20 seconds) alone.
    monkeypatch.setitem(sys.modules, "tensorboard.compat.notf", ModuleType("notf"))
    metrics = with_set()
    with TensorBoard(tmp_path) as board:
        log_results(board, metrics, scored("test", 1), config="loss: arcface", options={"config.seed": 0})
    events = EventAccumulator(str(tmp_path)).Reload()
    held_out = metrics.test.held_out_threshold
    assert held_out is not None
    assert metrics.test.error_rates is not None
    expected = {
        "test/accuracy_by_accuracy": metrics.test.by_rule("accuracy").accuracy,
        "test/accuracy_by_f1": metrics.test.by_rule("f1").accuracy,
        "test/accuracy_by_held_out_identities": held_out.accuracy,
        "test/auc": metrics.test.auc,
        "test/equal_error_rate": metrics.test.error_rates.equal_error_rate,
        "sets/party/accuracy": metrics.sets["party"].by_rule("accuracy").accuracy,
        "sets/party/auc": metrics.sets["party"].auc,
    }
    tags = events.Tags()
    assert set(tags["scalars"]) == set(expected)
    for tag, value in expected.items():
        (event,) = events.Scalars(tag)
        assert (event.step, event.value) == (1200, pytest.approx(value))
    assert set(tags["images"]) == {"test/distances", "test/roc"}
