"""The figures must hold the data that they were given."""

import matplotlib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_rgb
from matplotlib.patches import StepPatch
from sklearn.metrics import roc_auc_score

from lfw_jax.errors import UserError
from lfw_jax.evaluation.roc import roc_points
from lfw_jax.evaluation.scores import ScoredPairs
from lfw_jax.report.figures import distance_histograms, roc_curve
from lfw_jax.report.style import DIFFERENT_COLOUR, SAME_COLOUR, figure_pixels, figure_png, figure_svg


def pairs(count=400, seed=0):
    generator = np.random.default_rng(seed)
    same = np.arange(count) % 2 == 0
    return ScoredPairs("pairs", generator.normal(np.where(same, 0.8, 1.3), 0.2).clip(0, 2), same)


def filled_counts(figure):
    return {
        patch.get_label(): patch.get_data().values
        for patch in figure.axes[0].patches
        if isinstance(patch, StepPatch) and patch.get_fill()
    }


@settings(max_examples=10, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 4), st.booleans()), max_size=50))
def test_histograms_count_every_pair_once(rows):
    rows = [*rows, (0.5, True), (0.5, False)]
    distances, same = np.array([d for d, _ in rows]), np.array([s for _, s in rows])
    counts = filled_counts(distance_histograms(ScoredPairs("pairs", distances, same), {}))
    assert counts[f"same identity ({same.sum()} pairs)"].sum() == same.sum()
    assert counts[f"different identities ({(~same).sum()} pairs)"].sum() == (~same).sum()


def test_a_histogram_puts_the_pairs_in_the_right_bin():
    given = ScoredPairs("pairs", [0.51, 0.51, 1.99], [True, True, False])
    counts = filled_counts(distance_histograms(given, {}))
    assert counts["same identity (2 pairs)"][20] == 2
    assert counts["different identities (1 pairs)"][79] == 1


def test_thresholds_stand_where_they_are_and_are_named():
    thresholds = {"best accuracy": 1.02, "best F1": 1.05, "FAR 1 %": 0.7, "4": 0.6, "5": 0.5}
    axes = distance_histograms(pairs(), thresholds).axes[0]
    lines = {line.get_label(): list(line.get_xdata()) for line in axes.lines}
    assert lines == {f"{name}: {x:.3f}": [x, x] for name, x in thresholds.items()}
    shown = [text.get_text() for text in axes.get_legend().get_texts()]
    assert set(lines) < set(shown)


def test_the_two_colours_differ_in_grey():
    grey = [np.dot(to_rgb(colour), (0.2126, 0.7152, 0.0722)) for colour in (SAME_COLOUR, DIFFERENT_COLOUR)]
    assert abs(grey[0] - grey[1]) > 0.2


@pytest.mark.parametrize(
    ("distances", "same"),
    [([0.1, np.nan], [True, False]), ([0.1], [True, False]), ([], []), ([[0.1]], [[True]])],
)
def test_distances_that_cannot_be_drawn_are_refused(distances, same):
    with pytest.raises(
        (UserError, ValueError), match=r"not finite|expected same of shape|expected distances|0 same pairs"
    ):
        distance_histograms(ScoredPairs("pairs", np.array(distances), np.array(same, dtype=bool)), {})


def test_the_roc_figure_draws_the_points_and_prints_area_and_rates():
    given = pairs(2000)
    distances, same = given.distances, given.same
    linear, logarithmic = roc_curve(given).axes
    far, tar = roc_points(distances, same)
    for axes in (linear, logarithmic):
        np.testing.assert_array_equal(axes.lines[0].get_xydata(), np.stack([far, tar], axis=1))
    assert logarithmic.get_xscale() == "log"
    assert f"{roc_auc_score(same, -distances):.4f}" in linear.get_title(loc="left")
    # 1,000 pairs of different people: at a rate of 1 % ten of them may pass.
    limit = np.sort(distances[~same])[10]
    reached = np.mean(distances[same] < limit)
    assert f"{100 * reached:.1f} %" in [text.get_text() for text in logarithmic.texts]


def test_a_perfect_roc_can_be_drawn():
    figure = roc_curve(ScoredPairs("pairs", [0.1, 0.2, 1.0], [True, True, False]))
    assert "1.0000" in figure.axes[0].get_title(loc="left")
    assert figure_pixels(figure).std() > 0


def test_the_same_figure_gives_the_same_file_and_leaves_no_trace_in_the_settings():
    before = dict(matplotlib.rcParams)
    files = [(figure_svg(figure), figure_png(figure, dpi=40)) for figure in (roc_curve(pairs()), roc_curve(pairs()))]
    assert files[0] == files[1]
    assert files[0][0].startswith(b"<?xml")
    assert files[0][1].startswith(b"\x89PNG")
    assert dict(matplotlib.rcParams) == before
