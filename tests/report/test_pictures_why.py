"""The pictures of docs/why.md show what the runs say."""

import runpy
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest

from configs import base
from lfw_jax.errors import UserError
from lfw_jax.evaluation.comparison.results import SCHEMA, ComparisonMetrics
from lfw_jax.jobs.compare import compare_runs
from lfw_jax.jobs.dispatch import Request
from lfw_jax.typed_json import read_json
from tests.evaluation.compared_folders import write_compared_run

NAMES = ("baseline", "seed_1", "unaligned", "no_dropout", "flip_only", "side_32", "side_48")
GAPS = (0.5, 0.48, 0.1, 0.5, 0.3, 0.2, 0.6)


@pytest.fixture(scope="module")
def why() -> dict[str, Any]:
    return runpy.run_path(str(Path(__file__).parents[2] / "docs" / "pictures" / "why.py"), run_name="why")


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


def test_the_histograms_are_those_of_the_finished_runs_beside_the_baseline(why: dict[str, Any], runs: Path):
    found = why["distances_of"](runs / "reproduction", runs / "ablation" / "baseline")
    assert list(found) == ["1.1 Siamese network, random pairs", "3 ArcFace", "the recipe of lfw_cpu"]
    with mpl.rc_context(why["NEUTRAL"]):
        figure = why["draw_distances"](found)
    for axes, (title, run) in zip(figure.axes, found.items(), strict=True):
        assert axes.get_title(loc="left") == title
        assert f"accuracy {100 * run.finished.test.held_out_threshold.accuracy:.1f} %" in axes.texts[0].get_text()
        pairs = run.decisions.pairs
        for patch, same in zip(axes.patches[::2], (True, False), strict=True):
            values, edges, _ = patch.get_data()
            expected, _ = np.histogram(pairs.distances[pairs.same == same], edges)
            np.testing.assert_allclose(values, expected / expected.sum())


def test_the_dots_are_the_paired_differences_in_order(why: dict[str, Any], metrics: ComparisonMetrics):
    with mpl.rc_context(why["NEUTRAL"]):
        figure = why["draw_ablation"](metrics)
    left, right = figure.axes
    differences = sorted((one for one in metrics.differences if one.measure == "auc"), key=lambda one: one.difference)
    labels = [text.get_text() for text in left.get_yticklabels()]
    assert labels == [why["label_of"](f"ablation/{one.run}", "") for one in differences]
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


def test_the_files_are_small_and_have_no_background(why: dict[str, Any], metrics: ComparisonMetrics):
    with mpl.rc_context(why["NEUTRAL"]):
        content, again = (why["svg"](why["draw_ablation"](metrics)) for _ in range(2))
    assert content == again
    assert len(content) < 60_000
    assert b"#ffffff" not in content.lower()
    assert b"Centre crops in place of aligned faces" in content


def test_a_baseline_alone_cannot_be_drawn(why: dict[str, Any], metrics: ComparisonMetrics):
    with pytest.raises(UserError, match="found no run beside the baseline"):
        why["draw_ablation"](ComparisonMetrics(**{**vars(metrics), "differences": ()}))


def test_a_run_of_a_file_of_the_user_has_its_name(why: dict[str, Any]):
    assert why["label_of"]("mine", "wide") == "wide"
    assert why["label_of"]("ablation/no_dropout", "x") == "No dropout before the embedding"
