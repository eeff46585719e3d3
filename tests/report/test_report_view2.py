"""View 2 with one model per fold, in the terminal and as a page."""

import dataclasses
from pathlib import Path

from lfw_jax.evaluation.finished_runs import FinishedRun
from lfw_jax.evaluation.view2 import view2_metrics
from lfw_jax.report.view2 import print_view2, write_view2_page
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
