"""View 2 with one model per fold, in the terminal and as a page."""

import dataclasses
from pathlib import Path

from lfw_jax.evaluation.finished_runs import FinishedRun
from lfw_jax.evaluation.view2 import view2_metrics
from lfw_jax.report.view2 import print_fold, print_view2, write_view2_page
from tests.evaluation.finished_folders import run_metrics


def finished() -> list[FinishedRun]:
    return [FinishedRun(Path(f"fold{fold}"), {"seed": 0}, run_metrics(fold)) for fold in (1, 2, 3)]


def test_the_page_lists_every_fold_and_both_spreads(tmp_path):
    runs = finished()
    metrics = view2_metrics(runs, command="python launch.py --mode=combine")
    write_view2_page(tmp_path / "view2.html", runs, metrics)
    page = (tmp_path / "view2.html").read_text(encoding="utf-8").replace("\N{NO-BREAK SPACE}", " ")
    for run in runs:
        best = run.test.by_rule("accuracy")
        cells = (
            f"{100 * best.accuracy:.2f} %",
            f"{best.threshold:.3f}",
            f"{run.test.auc:.4f}",
            "best, step 1,200",
            str(run.folder),
        )
        assert all(f">{cell}</td>" in page for cell in cells)
    assert 'id="figure-folds"' in page
    assert f"{100 * metrics.accuracy.mean:.2f} ± {100 * metrics.accuracy.standard_error:.2f} %" in page
    assert f"in its place, is {100 * metrics.accuracy.population_std:.2f} %" in page
    assert f"result reads {100 * metrics.accuracy.mean:.2f} ± {100 * metrics.accuracy.population_std:.2f} %" in page
    assert "preliminary" not in page
    assert "category" not in page
    assert metrics.accuracy_at_held_out_threshold is not None
    assert f"held out of each training it is {100 * metrics.accuracy_at_held_out_threshold.mean:.2f} ±" in page


def test_the_terminal_names_the_held_out_thresholds_if_there_are_any(capsys):
    metrics = view2_metrics(finished(), command="")
    print_view2(metrics)
    said = " ".join(capsys.readouterr().out.split())
    assert "View 2, 3 folds, one model per fold" in said
    assert "identities held out of each training" in said
    print_view2(dataclasses.replace(metrics, accuracy_at_held_out_threshold=None))
    assert "held out" not in capsys.readouterr().out


def test_while_folds_are_missing_page_and_terminal_say_preliminary_and_the_category(tmp_path, capsys):
    runs = [
        dataclasses.replace(run, metrics=dataclasses.replace(run.metrics, category="of its own")) for run in finished()
    ]
    metrics = view2_metrics(runs[1:], command="")
    assert (metrics.missing_folds, metrics.preliminary) == ((1,), "preliminary, 2 of 3 folds")
    write_view2_page(tmp_path / "view2.html", runs[1:], metrics)
    page = (tmp_path / "view2.html").read_text(encoding="utf-8").replace("\N{NO-BREAK SPACE}", " ")
    assert "preliminary, 2 of 3 folds" in page
    assert "LFW's category of this result: of its own." in page.replace("&#39;", "'")
    print_view2(metrics)
    said = " ".join(capsys.readouterr().out.split())
    assert "View 2, preliminary, 2 of 3 folds, one model per fold" in said
    assert "LFW's category: of its own" in said


def test_the_line_of_a_fold_has_both_thresholds(capsys):
    run = finished()[1]
    held_out = run.test.held_out_threshold
    assert held_out is not None
    print_fold(run)
    assert capsys.readouterr().out == (
        f"fold 2 of 3: accuracy {100 * run.test.by_rule('accuracy').accuracy:.2f} %, at the threshold of held-out identities "
        f"{100 * held_out.accuracy:.2f} %; AUC {run.test.auc:.4f}\n"
    )
