"""Error rates on the page and in the terminal."""

import dataclasses
import io

import numpy as np
import pytest
from rich.console import Console

from lfw_jax.evaluation.acquisition import acquisition
from lfw_jax.evaluation.cross_pairs import all_pairs
from lfw_jax.evaluation.embeddings import EmbeddedImages
from lfw_jax.evaluation.results import InsightFaceResult
from lfw_jax.evaluation.scores import ScoredPairs
from lfw_jax.report.error_rate_charts import error_rate_charts
from lfw_jax.report.error_rates_section import acquisition_section, all_pairs_section, listed_section
from lfw_jax.report.error_rates_table import error_rates_table
from lfw_jax.report.run_page import RunReport, write_run_page
from lfw_jax.report.tables import print_results, print_table
from tests.evaluation.finished_folders import run_metrics, scored
from tests.report.test_report_run import report

PAIRS = ScoredPairs(
    "test",
    np.array([0.5, 0.9, 0.7, 1.2]),
    np.array([True, True, False, False]),
    np.array([["Ann", "Ann"], ["Bo", "Bo"], ["Ann", "Bo"], ["Bo", "Cy"]]),
    np.array([[1, 2], [1, 2], [1, 1], [2, 1]]),
)


def images(count: int = 300) -> EmbeddedImages:
    rng = np.random.default_rng(0)
    labels = rng.integers(40, size=count)
    embeddings = rng.normal(size=(40, 8))[labels] + 0.7 * rng.normal(size=(count, 8))
    return EmbeddedImages("test", embeddings.astype(np.float32), labels.astype(str), np.arange(count))


def test_the_listed_rates_have_a_row_each_and_those_that_cannot_be_claimed_share_one_with_the_reason():
    result = dataclasses.replace(run_metrics(1).test, notes=("test: 2 listed pairs repeat an earlier pair.",))
    assert result.error_rates is not None
    section = listed_section(result)
    assert section.table is not None
    assert [row[0] for row in section.table] == ["FMR at most", "10 %", "1 % to 0.0001 %"]
    first, second = section.table[1:3]
    point = result.error_rates.points[0]
    assert first[2:4] == ["2", "10 %"]
    assert first[4] == f"{100 * (point.false_non_match_rate or 0):.2f} %"
    assert second[1:5] == ["–"] * 4
    assert second[5].startswith("cannot be claimed: 20 different pairs support no FMR below 15 %")
    assert f"(EER), at which both rates are equal, is {100 * result.error_rates.equal_error_rate:.2f} %" in section.text
    assert "test: 2 listed pairs repeat an earlier pair." in section.text


def test_insightface_is_mentioned_only_where_its_protocol_applies():
    result = run_metrics(1).test
    assert "InsightFace" not in listed_section(result).text
    text = listed_section(dataclasses.replace(result, insightface=InsightFaceResult(0.9, 0.0123))).text
    assert "accuracy is 90.00 %" in text
    assert "is 1.23 %" in text
    assert listed_section(dataclasses.replace(result, error_rates=None)).table is None


def test_all_pairs_have_the_thresholds_of_the_run_first():
    found = all_pairs(images(), {"pairsDevTrain": 0.9})
    section = all_pairs_section(found)
    assert section.table is not None
    assert section.table[1][:3] == ["threshold of pairsDevTrain", "0.9000", f"{found.chosen[0].false_matches:,}"]
    assert [row[0] for row in section.table[2:5]] == ["10 %", "1 %", "0.1 %"]
    assert f"{found.rates.different_pairs:,} different pairs" in section.text
    assert "Thresholds and counts are exact." in section.text
    coarse = all_pairs_section(all_pairs(images(), {"pairsDevTrain": 0.9}, most_measured=-1))
    assert coarse.table is not None
    assert coarse.table[1][5] == "threshold and counts of whole bins"
    assert "edges of histogram bins" in coarse.text


def test_images_without_a_face_are_counted_with_both_kinds_of_rates():
    section = acquisition_section(acquisition(PAIRS, {("Ann", 1), ("Zoe", 9)}, {"pairsDevTrain": 0.8}))
    assert section.table is not None
    assert section.table[1] == ["pairsDevTrain", "0.800", "50.00 %", "50.00 %", "0.00 %", "100.00 %"]
    assert "Of the 5 test images, 1 has no detected face (20.00 %" in section.text
    assert "in 2 pairs, 1 of them same pairs" in section.text
    nothing = acquisition_section(acquisition(PAIRS, set(), {"pairsDevTrain": 0.8}))
    assert (nothing.table, nothing.text) == (None, "A face was detected in each of the 5 test images.")


def test_the_charts_hold_the_points_that_their_axes_can_show():
    found = all_pairs(images())
    (_, det), (_, roc) = error_rate_charts(scored("test", pairs=400), found)
    assert [chart.key for chart in (det, roc)] == ["det", "roc-low-rates"]
    assert [series.name for series in det.series] == ["listed pairs", "all pairs"]
    for series in det.series:
        assert 0 < min(series.x) <= max(series.x) < 1
        assert 0 < min(series.y) <= max(series.y) < 1
    assert (det.x.scale, det.y.scale, roc.x.scale) == ("normal", "normal", "log")
    assert roc.x.limits == (min(roc.series[1].x), 1.0)
    listed = roc.series[0]
    assert (min(listed.x), max(listed.x), max(listed.y)) == (1 / 200, 1.0, 1.0)
    assert list(listed.y) == sorted(listed.y)
    assert [series.name for series in error_rate_charts(scored("test"), None)[0][1].series] == ["listed pairs"]


def test_the_terminal_table_fits_into_80_columns():
    metrics = run_metrics(
        1, all_pairs=all_pairs(images()), acquisition=acquisition(PAIRS, {("Ann", 1)}, {"pairsDevTrain": 0.8})
    )
    table = error_rates_table(metrics)
    assert table is not None
    text = io.StringIO()
    print_table(table, console=Console(file=text, width=200))
    lines = text.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    every = metrics.all_pairs
    assert every is not None
    (row,) = [line.split() for line in lines if line.split()[:2] == ["1", "%"]]
    point = every.rates.points[1]
    assert row[2:] == ["–", f"{100 * (point.false_non_match_rate or 0):.2f}", "%", f"{point.threshold:.4f}"]
    (rare,) = [line for line in lines if line.split()[:2] == ["0.01", "%"]]
    assert "*" in rare  # 4 of 44,000 pairs
    assert "test images without a detected face: 1 of 5" in text.getvalue()
    assert "with such pairs rejected: FRR 100.0 %" in text.getvalue()
    bare = dataclasses.replace(metrics.test, error_rates=None)
    assert error_rates_table(dataclasses.replace(metrics, evaluation={"test": bare})) is None


@pytest.mark.parametrize("measured", [True, False])
def test_page_and_terminal_show_what_was_measured(tmp_path, capsys, measured: bool):
    changes = {}
    if measured:
        changes = dict(
            all_pairs=all_pairs(images()), acquisition=acquisition(PAIRS, {("Ann", 1)}, {"pairsDevTrain": 0.8})
        )
    found: RunReport = report(run_metrics(1, **changes))
    write_run_page(tmp_path / "report.html", found)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    for title in ("Error rates of all pairs of the test images", "Images without a detected face"):
        assert (f"<h2>{title}</h2>" in page) == measured
    assert "DET curve: test" in page
    assert "ROC curve at low false match rates: test" in page
    print_results(found.metrics)
    out = capsys.readouterr().out
    assert "FNMR at given FMRs (FRR at FAR)" in out
    assert ("all pairs" in out) == measured
