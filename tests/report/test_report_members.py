"""The members of a fused system on the page, on the terminal and in TensorBoard."""

import dataclasses
import io
import re
import sys
from types import ModuleType

import numpy as np
import pytest
from rich.console import Console
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from lfw_jax.evaluation.decision_counts import decision_counts
from lfw_jax.evaluation.distance_range import distance_range
from lfw_jax.evaluation.fusion.results import MembersResult, SystemScores
from lfw_jax.evaluation.verification import verify
from lfw_jax.evaluation.with_intervals import with_intervals
from lfw_jax.report.chart import Chart
from lfw_jax.report.comparison.charts import distance_charts
from lfw_jax.report.heat_table import HeatTable, rendered_heat_table
from lfw_jax.report.members_section import det_chart, members_section, members_table
from lfw_jax.report.run_page import write_run_page
from lfw_jax.report.sections import verification_section
from lfw_jax.report.tables import print_results, print_table
from lfw_jax.report.tensorboard import TensorBoard
from lfw_jax.report.tensorboard_logs import log_results
from tests.evaluation.finished_folders import run_metrics, scored
from tests.evaluation.fusion.sampled_members import as_pairs, correlated, gaussian_distances, sampled_result
from tests.report.test_report_run import report

WEIGHTS = {"descriptors": 0.5, "network": 0.45, "wide_crops": -0.05}


@pytest.fixture(scope="module")
def result() -> MembersResult:
    return sampled_result(WEIGHTS, (2.5, 2.4, 1.0), correlated(3, 0.4))


def bounds(system: SystemScores) -> str:
    interval = system.accuracy_interval
    assert interval is not None
    return f"{100 * (system.accuracy or 0):.1f} % ({100 * interval.low:.1f}–{100 * interval.high:.1f})"


def printed(result: MembersResult) -> str:
    output = io.StringIO()
    print_table(members_table(result), console=Console(file=output, width=80))
    return output.getvalue()


def test_each_system_has_a_row_with_its_figures(result: MembersResult):
    table = members_section(result).table
    assert table is not None
    assert table[0] == ["System", "d′", "AUC", "Accuracy", "EER", "Weight", "Share", "Without it"]
    assert [row[0] for row in table[1:]] == [*WEIGHTS, "fusion", "Gaussian fusion"]
    for row, system in zip(table[1:], result.systems, strict=False):
        assert row[1] == f"{system.d_prime:.2f}"
        assert row[2].startswith(f"{system.auc:.3f} (")
        assert row[3] == bounds(system)
        assert row[4] == f"{100 * system.equal_error_rate:.1f} %"
    member = result.members[2]
    assert member.weight_share is not None
    assert table[3][5:] == ["−0.05", f"−{-100 * member.weight_share:.0f} %", f"{member.d_prime_without:.2f}"]
    assert table[4][5:] == ["–"] * 3
    assert result.gaussian is not None
    assert table[5][1] == f"{result.gaussian.d_prime:.2f}"


def test_the_gain_is_stated_with_its_interval_and_the_pairs_that_one_system_alone_gets_right(result: MembersResult):
    text = members_section(result).text
    accuracy, auc = result.gains
    assert accuracy.mcnemar is not None
    assert f"the best member, {auc.reference}, by +{auc.difference:.4f} (95 % interval" in text
    assert f"by {100 * accuracy.difference:+.1f} points (95 %".replace("-", "−") in text
    assert f"it alone is correct on {accuracy.mcnemar.only_run} pairs" in text
    assert f"the member alone on {accuracy.mcnemar.only_reference} " in text
    assert "each of 200 resamples of the identities" in text
    assert "best accuracy on held-out identities" in text
    certain = dataclasses.replace(auc, p_value=0.0001)
    assert "p <\u00a00.001" in members_section(dataclasses.replace(result, gains=(certain,))).text


def test_the_matrices_are_those_of_the_result_and_have_a_cell_for_every_two_members(result: MembersResult):
    figures = [content for _, content in members_section(result).figures]
    matrices = [content for content in figures if isinstance(content, HeatTable)]
    assert [one.values for one in matrices] == [
        result.same_correlations, result.different_correlations, result.pair_d_primes
    ]  # fmt: skip
    assert all(one.names == list(WEIGHTS) for one in matrices)
    assert isinstance(figures[-1], Chart)


def test_the_curves_are_those_of_the_result_and_only_the_first_have_colours_of_their_own(result: MembersResult):
    chart = det_chart(result)
    assert [one.name for one in chart.series] == ["fusion", *WEIGHTS]
    assert list(zip(chart.series[0].x, chart.series[0].y, strict=True)) == list(result.fused.curve)
    many = dataclasses.replace(result, members=3 * result.members)
    assert [one.role for one in det_chart(many).series][3:] == ["fourth", "neutral", *["muted"] * 5]


def test_what_there_is_not_is_left_out():
    found = sampled_result({"only": 1.0}, (50.0,), np.eye(1), held_out=False)
    section = members_section(found)
    assert section.figures == []
    assert "The scores of 1 member " in section.text
    assert "no accuracies" in section.text
    assert "second opinion" not in section.text
    assert section.table is not None
    assert section.table[1][3] == "–"
    assert section.table[1][7] == "–"
    silent = dataclasses.replace(found, gaussian=None, gains=())
    assert [row[0] for row in members_section(silent).table or ()] == ["System", "only", "fusion"]
    assert "paired" not in members_section(silent).text


def test_the_terminal_shows_every_system_and_the_gain_in_80_columns(result: MembersResult):
    said = printed(result)
    for system in result.systems:
        assert re.search(rf"{system.name} +{re.escape(bounds(system))} +{system.auc:.4f} +{system.d_prime:.2f} ", said)
    auc = result.gains[1]
    assert f"AUC, fusion − {auc.reference}: +{auc.difference:.4f} (95 % " in said
    assert "correlation: 0.40 within same, 0.40 within different pairs" in said
    assert result.gaussian is not None
    assert f"if Gaussian: d′ {result.gaussian.d_prime:.2f}" in said
    assert max(map(len, said.splitlines())) <= 80


def test_long_and_hostile_names_fit_the_terminal(result: MembersResult):
    names = ["a_member_with_a_name_of_more_than_forty_letters_in_all", "two\nlines\x1b[31m", "[bold]x"]
    members = tuple(
        dataclasses.replace(one, scores=dataclasses.replace(one.scores, name=name))
        for one, name in zip(result.members, names, strict=True)
    )
    gains = tuple(dataclasses.replace(one, reference=names[0]) for one in result.gains)
    said = printed(dataclasses.replace(result, members=members, gains=gains))
    assert max(map(len, said.splitlines())) <= 80
    assert "\x1b" not in said
    assert "[bold]x" in said


def test_a_range_of_correlations_is_stated(result: MembersResult):
    matrix = ((1.0, -0.1, 0.7), (-0.1, 1.0, None), (0.7, None, None))
    assert "correlation: −0.10 to 0.70 within same, – within different" in printed(
        dataclasses.replace(result, same_correlations=matrix, different_correlations=((None,) * 3,) * 3)
    )


def test_page_and_terminal_of_a_run_have_the_members_only_if_there_are(result: MembersResult, tmp_path, capsys):
    for metrics, expected in ((run_metrics(1, members=result), True), (run_metrics(1), False)):
        write_run_page(tmp_path / "report.html", report(metrics))
        page = (tmp_path / "report.html").read_text(encoding="utf-8")
        assert ("<h2>Members and fusion</h2>" in page) == expected
        assert ('<table class="heat">' in page) == expected
        print_results(metrics)
        assert ("Members and fusion on pairsDevTest" in capsys.readouterr().out) == expected


def test_a_page_covers_negative_scores_and_does_not_call_them_distances_of_embeddings():
    given = scored("test", 1, 400)
    negative = dataclasses.replace(given, distances=20 * given.distances - 25)
    listed = run_metrics(1).test
    for pairs, euclidean in ((negative, False), (given, True)):
        section = verification_section(listed, pairs)
        assert ("the Euclidean distance between its two unit embeddings" in section.text) == euclidean
        chart = section.figures[0][1]
        assert isinstance(chart, Chart)
        assert ("embeddings" in chart.x.label) == euclidean
        assert sum(sum(series.y) for series in chart.series) == len(pairs)
        assert len(chart.series[0].y) <= 160
    assert section.explorer is not None
    thresholds = decision_counts(negative).thresholds
    assert thresholds[0] == pytest.approx(negative.distances.min(), abs=1e-3)
    assert thresholds[-1] == pytest.approx(negative.distances.max(), abs=1e-3)


def test_runs_with_other_scores_have_bins_of_their_own():
    given = scored("test", 1)
    other = dataclasses.replace(given, distances=20 * given.distances - 25)
    charts = distance_charts({"a": given, "b": other, "c": given}, dict.fromkeys("abc", 1.0))
    assert charts[0].x.limits == charts[2].x.limits == (0.0, 2.0)
    assert charts[1].x.limits == (other.distances.min(), other.distances.max())
    assert [("embeddings" in chart.x.label) for chart in charts] == [True, False, True]
    assert all(sum(map(sum, (one.y for one in chart.series))) == pytest.approx(2) for chart in charts)


def test_the_interval_of_a_negative_threshold_reaches_to_both_sides():
    lists = []
    for seed, name in enumerate(("test", "development")):
        (distances,), same = gaussian_distances([2.0], np.eye(1), seed=seed)
        lists.append(as_pairs(distances, same, name=name, layout=seed))
    for shift, greatest in ((-10.0, 0.0), (10.0, np.inf)):
        test, other = (dataclasses.replace(one, distances=one.distances + shift) for one in lists)
        result = with_intervals(verify(test, other), development=other, resamples=200).metrics.by_rule("accuracy")
        assert result.intervals is not None
        limits = result.intervals.threshold
        assert limits.low < result.threshold < limits.high < greatest


def test_the_range_of_equal_distances_has_a_width():
    assert distance_range(np.full(3, 7.0)) == (6.5, 7.5)
    assert distance_range(np.full(3, 1.0)) == (0.0, 2.0)
    assert distance_range(np.array([0.0, 3.0])) == (0.0, 3.0)
    assert distance_range(np.array([0.0, 50.0])) == (0.0, 50.0)


def test_the_events_have_the_figures_of_each_member(result: MembersResult, tmp_path, monkeypatch):
    # TensorBoard's reader looks for this module, and where it is there, leaves TensorFlow (20 seconds) alone.
    monkeypatch.setitem(sys.modules, "tensorboard.compat.notf", ModuleType("notf"))
    with TensorBoard(tmp_path) as board:
        log_results(board, run_metrics(1, members=result), scored("test", 1), config="", options={})
    events = EventAccumulator(str(tmp_path)).Reload()
    found = {tag: events.Scalars(tag)[0].value for tag in events.Tags()["scalars"] if tag.startswith("members/")}
    expected = {
        f"members/{one.scores.name}/{name}": getattr(one.scores, name)
        for one in result.members
        for name in ("accuracy", "auc", "d_prime")
    }
    assert found == pytest.approx(expected)


def test_cells_are_the_darker_the_greater_their_value_within_the_limits():
    table = HeatTable("t", ["a", "b"], [[1.0, -0.25], [0.5, None]], (0.0, 1.0))
    assert rendered_heat_table(table)["rows"] == [[("1.00", 40), ("−0.25", 0)], [("0.50", 20), ("–", 0)]]
    equal = HeatTable("t", ["a"], [[2.0]], (2.0, 2.0), digits=1)
    assert rendered_heat_table(equal)["rows"] == [[("2.0", 0)]]


def test_a_matrix_that_does_not_fit_its_names_is_refused():
    with pytest.raises(ValueError, match="expected 2 rows of 2 values"):
        HeatTable("t", ["a", "b"], [[1.0, 0.5], [0.5]])
