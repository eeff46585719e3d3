"""The pictures of docs/why.md show what the runs say."""

import math
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs import base
from docs.pictures.why import __main__ as why
from docs.pictures.why import ablation, distances, margins, style, tables, training
from lfw_jax.errors import UserError
from lfw_jax.evaluation.comparison.results import SCHEMA, ComparisonMetrics
from lfw_jax.jobs.compare import compare_runs
from lfw_jax.jobs.dispatch import Request
from lfw_jax.metric import heads
from lfw_jax.training.history import HistoryRow
from lfw_jax.typed_json import read_json
from tests.evaluation.compared_folders import write_compared_run

NAMES = ("baseline", "seed_1", "unaligned", "no_dropout", "flip_only", "side_32", "side_48")
GAPS = (0.5, 0.48, 0.1, 0.5, 0.3, 0.2, 0.6)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    (folder / "ablation").mkdir()
    (folder / "reproduction").mkdir()
    for seed, (name, gap) in enumerate(zip(NAMES, GAPS, strict=True)):
        write_compared_run(folder / "ablation" / name, seed=seed, gap=gap, config_name=f"ablation/{name}")
    for seed, name in enumerate(("siamese_contrastive", "arcface")):
        write_compared_run(folder / "reproduction" / name, seed=seed, gap=0.1 + seed)
    (folder / "reproduction" / "margin_histogram").mkdir()  # not finished
    patterns = ",".join(f"{folder}/ablation/{name}" for name in NAMES)
    output = str(folder / "ablation" / "compare")
    compare_runs(Request("compare", base.get_config(), "quickstart", input=patterns, output=output))
    return folder


@pytest.fixture(scope="module")
def metrics(runs: Path) -> ComparisonMetrics:
    return read_json(runs / "ablation" / "compare" / "compare.json", ComparisonMetrics, schema=SCHEMA, remedy="")


def test_the_histograms_are_those_of_the_finished_runs_beside_the_baseline(runs: Path):
    found = why.finished_runs(runs / "reproduction", runs / "ablation" / "baseline")
    assert list(found) == ["1.1 Siamese network, random pairs", "3 ArcFace", "the recipe of lfw_cpu"]
    with mpl.rc_context(style.NEUTRAL):
        figure = distances.draw_distances(found)
    for axes, (title, run) in zip(figure.axes, found.items(), strict=True):
        assert axes.get_title(loc="left") == title
        assert f"accuracy {100 * run.finished.test.held_out_threshold.accuracy:.1f} %" in axes.texts[0].get_text()
        pairs = run.decisions.pairs
        for patch, same in zip(axes.patches[::2], (True, False), strict=True):
            values, edges, _ = patch.get_data()
            expected, _ = np.histogram(pairs.distances[pairs.same == same], edges)
            np.testing.assert_allclose(values, expected / expected.sum())


def test_the_dots_are_the_paired_differences_in_order(metrics: ComparisonMetrics):
    with mpl.rc_context(style.NEUTRAL):
        figure = ablation.draw_ablation(metrics)
    left, right = figure.axes
    differences = sorted((one for one in metrics.differences if one.measure == "auc"), key=lambda one: one.difference)
    labels = [text.get_text() for text in left.get_yticklabels()]
    assert labels == [ablation.label_of(f"ablation/{one.run}", "") for one in differences]
    assert "Centre crops in place of aligned faces" in labels
    lines = [line for line in left.lines if len(line.get_xdata()) == 2 and line.get_ydata()[0] == line.get_ydata()[1]]
    drawn = [tuple(line.get_xdata()) for line in lines]
    assert drawn == [pytest.approx([100 * end for end in one.interval]) for one in differences]
    colours = {one.run: line.get_color() for one, line in zip(differences, lines, strict=True)}
    significant = {one.run: one.adjusted_p_value < 0.05 for one in differences}
    assert significant["unaligned"]
    assert not significant["seed_1"]
    assert colours["unaligned"] != colours["seed_1"]
    assert len({colour for run, colour in colours.items() if not significant[run]}) == 1
    assert len(right.lines) == len(left.lines)


def test_the_files_are_small_and_have_no_background(metrics: ComparisonMetrics):
    with mpl.rc_context(style.NEUTRAL):
        content, again = (style.svg(ablation.draw_ablation(metrics)) for _ in range(2))
    assert content == again
    assert len(content) < 60_000
    assert b"#ffffff" not in content.lower()
    assert b"Centre crops in place of aligned faces" in content


def test_a_baseline_alone_cannot_be_drawn(metrics: ComparisonMetrics):
    with pytest.raises(UserError, match="found no run beside the baseline"):
        ablation.draw_ablation(ComparisonMetrics(**{**vars(metrics), "differences": ()}))


def test_a_run_of_a_file_of_the_user_has_its_name():
    assert ablation.label_of("mine", "wide") == "wide"
    assert ablation.label_of("ablation/no_dropout", "x") == "No dropout before the embedding"


@given(
    scale=st.floats(4.0, 64.0),
    margin=st.floats(0.0, 0.6),
    degrees=st.floats(0.0, 90.0),
)
def test_the_remaining_pull_is_the_probability_of_the_other_identities(scale: float, margin: float, degrees: float):
    def loss(*of):
        return heads.arcface(*of, margin=margin, scale=scale)

    own = math.exp(scale * math.cos(math.radians(degrees) + margin))
    expected = (margins.CLASSES - 1) / (margins.CLASSES - 1 + own)
    found = margins.remaining_pull(loss, np.array([degrees]))
    np.testing.assert_allclose(found, expected, rtol=2e-3, atol=1e-5)


def test_the_angle_at_which_half_remains_is_where_both_logits_are_equal():
    found = {label.split(":")[0]: margins.half_angle(loss) for label, loss in margins.LOSSES.items()}
    others = math.log(margins.CLASSES - 1)
    scale = math.sqrt(2) * others
    assert found == pytest.approx(
        {
            "ArcFace 0.5, scale 11.7": math.degrees(math.acos(others / scale) - 0.5),
            "ArcFace 0.5, scale 64": math.degrees(math.acos(others / 64) - 0.5),
            "CosFace 0.25, scale 17.5": math.degrees(math.acos(others / (1.5 * scale) + 0.25)),
        },
        abs=0.02,
    )


def test_the_lines_of_the_training_are_the_validations_and_their_best_is_marked():
    aucs = (0.7, 0.9, 0.8)
    rows = [HistoryRow(step, loss=1.0) for step in range(1, 4)]
    rows += [HistoryRow(10 * (index + 1), validation_auc=auc) for index, auc in enumerate(aucs)]
    with mpl.rc_context(style.NEUTRAL):
        axes = training.draw_training({"one": rows}).axes[0]
    line, best = axes.lines[:2]
    np.testing.assert_allclose(line.get_xydata(), np.stack([(100 / 3, 200 / 3, 100), aucs], axis=1))
    np.testing.assert_allclose(best.get_xydata(), [(200 / 3, 0.9)])


def test_the_command_draws_all_pictures(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    arguments = [
        "why",
        f"--reproduction={runs / 'reproduction'}",
        f"--ablation={runs / 'ablation'}",
        f"--output={tmp_path}",
    ]
    monkeypatch.setattr(sys, "argv", arguments)
    why.main()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"why-{name}.svg" for name in ("ablation", "distances", "margins", "training")
    ]
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.startswith("| 3 ArcFace |") for line in lines) == 2
    assert sum(line.startswith("| No dropout before the embedding |") for line in lines) == 1


def test_the_table_of_distances_holds_the_means_of_both_kinds(runs: Path):
    found = why.finished_runs(runs / "reproduction", runs / "ablation" / "baseline")
    _, rule, *rows = tables.distance_table(found)
    assert rule == "|---|---|---|---|---|---|---|"
    for row, (label, run) in zip(rows, found.items(), strict=True):
        pairs = run.decisions.pairs
        near, far = pairs.distances[pairs.same], pairs.distances[~pairs.same]
        cells = row.strip("| ").split(" | ")
        assert cells[:3] == [label, f"{near.mean():.2f} ± {near.std():.2f}", f"{far.mean():.2f} ± {far.std():.2f}"]


def test_the_table_of_seen_identities_holds_the_means_and_the_share_beyond_one(runs: Path):
    found = why.finished_runs(runs / "reproduction", runs / "ablation" / "baseline")
    _, _, *rows = tables.seen_and_unseen_table(found)
    for row, (label, run) in zip(rows, found.items(), strict=True):
        test, seen = run.decisions.pairs, run.development
        assert seen is not None
        share = np.mean(test.distances[~test.same] > 1)
        means = [f"{pairs.distances[pairs.same].mean():.2f}" for pairs in (seen, test)]
        assert row.strip("| ").split(" | ") == [label, *means, f"{100 * share:.0f} %"]


def test_the_table_of_the_ablation_says_which_differences_are_noise(metrics: ComparisonMetrics):
    _, _, *rows = tables.ablation_table(metrics)
    cells = [row.strip("| ").split(" | ") for row in rows]
    verdicts = {row[0]: row[-1] for row in cells}
    adjusted = {one.run: one.adjusted_p_value for one in metrics.differences if one.measure == "auc"}
    expected = {ablation.label_of(f"ablation/{run}", run): p_value >= 0.05 for run, p_value in adjusted.items()}
    assert {label: verdict == "within noise" for label, verdict in verdicts.items()} == expected
    assert verdicts["Centre crops in place of aligned faces"] == "worse"
    aucs = [float(row[1]) for row in cells]
    assert aucs == sorted(aucs)
