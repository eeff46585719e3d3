"""Finished runs are read whole, put in order, and refused in words where they are no set of folds."""

import dataclasses
import json
from pathlib import Path

import pytest

from lfw_jax.errors import UserError
from lfw_jax.evaluation.finished_runs import find_folders, read_finished_run, read_view2_folds
from lfw_jax.evaluation.run_metrics import Protocol, Views
from lfw_jax.evaluation.view2 import view2_metrics
from lfw_jax.typed_json import to_json
from tests.evaluation.finished_folders import run_metrics, write_run


def differing(one: dict, other: dict) -> list[str]:
    return [key for key in one if one[key] != other[key]]


def config(fold: int, **changes) -> dict:
    return {"config.data.fold": fold, "config.loss.margin": 0.2} | changes


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    return [write_run(tmp_path / f"fold{fold}", run_metrics(fold), config(fold)) for fold in (3, 1, 2)]


def replace_metrics(folder: Path, **changes) -> None:
    metrics = dataclasses.replace(read_finished_run(folder).metrics, **changes)
    (folder / "metrics.json").write_text(json.dumps(to_json(metrics)))


def test_a_run_is_read_as_it_was_written(folders):
    run = read_finished_run(folders[0])
    assert run.metrics == run_metrics(3)
    assert (run.fold, run.config, run.test) == (3, config(3), run_metrics(3).evaluation["test"])
    assert run.settings == "checkpoint best, flip True, shift 0"


def test_runs_come_in_the_order_of_their_folds(folders):
    assert [run.fold for run in read_view2_folds(folders, differing)] == [1, 2, 3]


def test_the_metrics_of_view_2_are_means_over_the_folds(folders):
    runs = read_view2_folds(folders, differing)
    found = view2_metrics(runs, command="python launch.py")
    accuracies = [run.test.thresholds[0].accuracy for run in runs]
    assert found.accuracy.accuracies == tuple(accuracies)
    assert found.accuracy.mean == pytest.approx(sum(accuracies) / 3)
    assert found.accuracy_at_best_f1.rule == "f1"
    assert found.accuracy_at_best_f1.thresholds == tuple(run.test.thresholds[1].threshold for run in runs)
    assert found.accuracy_at_held_out_threshold is not None
    assert found.auc_mean == pytest.approx(sum(found.auc) / 3)
    assert list(to_json(found)) == [
        "schema", "protocol", "command", "folders", "accuracy", "accuracy_at_best_f1", "accuracy_at_held_out_threshold",
        "auc_mean", "auc",
    ]  # fmt: skip


def test_without_a_held_out_threshold_in_every_fold_there_is_no_figure_for_it(folders):
    run = read_finished_run(folders[0])
    replace_metrics(folders[0], evaluation={"test": dataclasses.replace(run.test, held_out_threshold=None)})
    assert view2_metrics(read_view2_folds(folders, differing), command="").accuracy_at_held_out_threshold is None


@pytest.mark.usefixtures("folders")
def test_patterns_find_each_folder_once_and_nothing_else(tmp_path):
    (tmp_path / "fold9").write_text("a file")
    found = find_folders(f"{tmp_path}/fold[12], {tmp_path}/fold*")
    assert found == [tmp_path / "fold1", tmp_path / "fold2", tmp_path / "fold3"]
    with pytest.raises(UserError, match=r"--input: found no folder that matches .*none"):
        find_folders(f"{tmp_path}/none*")


@pytest.mark.parametrize("name", ["metrics.json", "config.json"])
def test_a_run_without_its_files_is_not_finished(folders, name):
    (folders[0] / name).unlink()
    with pytest.raises(UserError, match=f"fold3: found no {name}; expected a finished run"):
        read_finished_run(folders[0])


def test_metrics_of_another_form_are_refused_with_the_remedy(folders):
    path = folders[0] / "metrics.json"
    content = json.loads(path.read_text())

    def refused(changed: object, words: str) -> None:
        path.write_text(json.dumps(changed))
        with pytest.raises(UserError, match=rf"metrics\.json: {words}.*Evaluate that run again with --mode=evaluate\."):
            read_finished_run(folders[0])

    refused({key: value for key, value in content.items() if key != "schema"}, "found no schema version, expected 1")
    refused(content | {"schema": 99}, "found schema version 99, expected 1")
    refused(content | {"step": "late"}, 'key step is "late", expected a whole number')
    refused({key: value for key, value in content.items() if key != "views"}, "found no key views")
    refused(content | {"evaluation": {}}, "found results of 0 lists at key evaluation and of 1 at key raw_pixels")


def test_a_configuration_of_another_form_is_refused(folders):
    for text in ("{", "[]"):
        (folders[0] / "config.json").write_text(text)
        with pytest.raises(UserError, match=r"config\.json: cannot be read as JSON of a configuration"):
            read_finished_run(folders[0])


def test_runs_that_are_no_set_of_folds_are_refused(folders, tmp_path):
    def refused(words: str, runs: list[Path] = folders) -> None:
        with pytest.raises(UserError, match=words):
            read_view2_folds(runs, differing)

    refused("found no run of fold 2; expected all 3 folds", folders[:2])
    refused("are both fold 3", [*folders, write_run(tmp_path / "again", run_metrics(3), config(3))])
    refused(
        "differ in config.loss.margin",
        [*folders[:2], write_run(tmp_path / "other", run_metrics(2), config(2, **{"config.loss.margin": 0.3}))],
    )
    shifted = run_metrics(2, views=Views(flip=True, shift=3))
    refused(
        "was evaluated with .*shift 0.* with .*shift 3",
        [*folders[:2], write_run(tmp_path / "s", shifted, config(2))],
    )
    for protocol in (Protocol("view1"), Protocol("view2", 0, 3)):
        replace_metrics(folders[0], protocol=protocol)
        refused("expected one fold of view2")


def test_folds_of_other_categories_or_other_lists_are_refused(folders):
    replace_metrics(folders[0], category="no outside data")
    found = view2_metrics(read_view2_folds(folders, differing), command="")
    assert found.category is None  # the others are of a version that does not state it
    replace_metrics(folders[1], category="label-free outside data")
    with pytest.raises(UserError, match=r"--input: .*fold1 is of LFW's category 'label-free outside data', .*fold3"):
        read_view2_folds(folders, differing)
    for folder in folders:
        replace_metrics(folder, category="no outside data")
    assert view2_metrics(read_view2_folds(folders, differing), command="").category == "no outside data"
    replace_metrics(folders[1], protocol=Protocol("view2", 1, 2))
    with pytest.raises(UserError, match=r"--input: .*fold1 is one of 2 folds, .*fold2 one of 3"):
        read_view2_folds(folders, differing)
