"""Charts: positions on their scales, marks in their SVG, values in their table and JSON."""

import json
import math
import re
from statistics import NormalDist
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfw_jax.report.chart import Axis, Chart, Series
from lfw_jax.report.charts.layout import NARROW, SQUARE, WIDE, text_width
from lfw_jax.report.charts.marks import path
from lfw_jax.report.charts.scales import Scale, horizontal_scale, vertical_scale
from lfw_jax.report.charts.svg import chart_svg, sizes_of
from lfw_jax.report.charts.thinning import MOST_POINTS, thinned
from lfw_jax.report.charts.values import chart_json, chart_rows
from lfw_jax.report.page_assets import asset

HOSTILE = '</script><svg onload="alert(1)">&amp; "x"'
SVG = "{http://www.w3.org/2000/svg}"


def chart(series, **changes):
    return Chart(**({"title": "A title", "x": Axis("across"), "y": Axis("up"), "series": series} | changes))


def drawn(one, size=WIDE):
    """Return the parsed SVG; a namespace makes it a document of its own."""
    return ElementTree.fromstring(
        chart_svg(one, size, "name").replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    )


def elements(svg, kind):
    return [element for element in svg.iter() if kind in element.get("class", "").split()]


def coordinates(element):
    return [tuple(map(float, pair)) for pair in re.findall(r"(-?[\d.]+) (-?[\d.]+)", element.get("d"))]


def frame(svg):
    return list(map(float, svg.get("data-frame").split()))


@given(st.floats(-1e3, 1e3), st.floats(1e-3, 1e3), st.floats(0, 1))
def test_a_linear_scale_is_affine_and_its_ticks_are_within_it(low, span, share):
    scale = Scale(Axis("x"), low, low + span)
    assert scale.position(low + share * span) == pytest.approx(share, abs=1e-6)
    ticks = scale.ticks(5)
    assert 2 <= len(ticks) <= 12
    assert all(-1e-6 <= scale.position(tick) <= 1 + 1e-6 for tick in ticks)


@given(st.floats(1e-6, 0.4), st.floats(1.5, 1e5))
def test_equal_factors_are_equal_distances_on_a_logarithmic_scale(low, factor):
    scale = Scale(Axis("x", scale="log"), low, low * factor)
    assert scale.position(low * math.sqrt(factor)) == pytest.approx(0.5)
    assert scale.position(0.0) == 0
    assert all(low * 0.999 <= tick <= low * factor * 1.001 for tick in scale.ticks(5))


@given(st.floats(0.001, 0.4), st.floats(0.5, 0.999), st.floats(0, 1))
def test_a_scale_of_normal_deviates_is_linear_in_them(low, high, share):
    scale = Scale(Axis("x", scale="normal"), low, high)
    normal = NormalDist()
    deviate = normal.inv_cdf(low) + share * (normal.inv_cdf(high) - normal.inv_cdf(low))
    assert scale.position(normal.cdf(deviate)) == pytest.approx(share, abs=1e-6)
    assert scale.values_at_equal_steps(4)[2] == pytest.approx(
        normal.cdf((normal.inv_cdf(low) + normal.inv_cdf(high)) / 2)
    )


def test_limits_contain_all_series_intervals_and_lines_and_bars_begin_at_zero():
    one = chart([Series("a", [1, 2], [3, 5], "points", low=[2, 4], high=[4, 9])], verticals=[("t", 7.0)])
    assert horizontal_scale(one).low < 1
    assert horizontal_scale(one).high > 7
    assert vertical_scale(one).low < 2
    assert vertical_scale(one).high > 9
    assert vertical_scale(chart([Series("a", [0, 1, 2], [5, 6], "bars")])).low == 0


@pytest.mark.parametrize("scale", ["linear", "log", "normal"])
@pytest.mark.parametrize("values", [[0.5, 0.5], [0.0, 0.0], [math.nan, math.nan], [0.0, 1.0], [1.0, 1.0]])
def test_values_without_a_range_still_have_a_scale(scale, values):
    one = chart([Series("a", [1, 2], values)], y=Axis("up", scale=scale))
    found = vertical_scale(one)
    assert found.low < found.high
    drawn(one)


def test_a_line_passes_through_its_points_in_the_frame():
    svg = drawn(chart([Series("a", [0, 1, 2], [0.0, 10.0, 5.0])], y=Axis("up", limits=(0.0, 10.0))))
    left, top, width, height = frame(svg)
    [line] = elements(svg, "line")
    expected = [(left, top + height), (left + width / 2, top), (left + width, top + height / 2)]
    assert coordinates(line) == [pytest.approx(point, abs=0.11) for point in expected]


def test_missing_values_interrupt_a_line():
    assert path([(0, 0), (1, 1), (math.nan, 2), (3, 3), (4, 4)]) == "M0.0 0.0L1.0 1.0M3.0 3.0L4.0 4.0"


def test_bars_stand_on_zero_with_their_values_as_heights():
    svg = drawn(chart([Series("a", [0, 1, 2, 3], [4, 0, 2], "bars", "same")], y=Axis("up", limits=(0.0, 4.0))))
    left, top, width, height = frame(svg)
    [bars] = elements(svg, "bars")
    found = coordinates(bars)
    assert found[:4] == [
        pytest.approx(point, abs=0.11)
        for point in [(left, top + height), (left, top), (left + width / 3, top), (left + width / 3, top + height)]
    ]
    assert found[5] == pytest.approx((left + 2 * width / 3, top + height / 2), abs=0.11)


def test_points_have_one_marker_each_and_their_interval():
    svg = drawn(chart([Series("a", [0, 1], [1, 2], "points", "second", [0, 1], [2, 3])]))
    assert len(elements(svg, "marker")) == 2
    [whiskers] = elements(svg, "whisker")
    assert whiskers.get("d").count("V") == 2


def test_roles_differ_in_dashes_or_shape_and_not_only_in_colour():
    style = asset("chart.css")
    dashes = [
        re.search(rf"\.line\.{role}[^{{]*{{[^}}]*stroke-dasharray: ([\d. ]+)", style)
        for role in ("second", "third", "fourth")
    ]
    assert len({found.group(1) for found in dashes if found}) == 3


def test_vertical_lines_are_at_their_abscissas_and_in_the_legend():
    svg = drawn(chart([Series("a", [0, 2], [0, 1])], verticals=[("best", 0.5), ("other", 1.5)]))
    left, _, width, _ = frame(svg)
    lines = elements(elements(svg, "content")[0], "vertical")
    assert [float(line.get("d")[1:].split(" ")[0]) for line in lines] == [
        pytest.approx(left + width / 4, abs=0.11),
        pytest.approx(left + 3 * width / 4, abs=0.11),
    ]
    assert {"a", "best: 0.5", "other: 1.5"} <= {text.text for text in elements(svg, "entry")}


@pytest.mark.parametrize("size", [WIDE, NARROW, SQUARE])
def test_texts_are_within_the_chart_and_at_least_eleven_pixels_on_a_phone(size):
    long = "a name that is too long for one line of a narrow chart, with its numbers (1,000 pairs)"
    one = chart([Series(long, [0, 1e5], [0, 1]), Series("b", [0, 1], [0, 1])], title=long, verticals=[(long, 1.0)])
    svg = drawn(one, size)
    height = float(svg.get("viewBox").split()[3])
    assert all(0 < float(text.get("y")) < height for text in svg.iter(f"{SVG}text"))
    for text in [*elements(svg, "entry"), *elements(svg, "title")]:
        assert float(text.get("x", 0)) + text_width(text.text, size.font) <= size.width + 1
    if size is not WIDE:
        assert size.font * (390 - 2 * 23) / size.width >= 11


def test_a_chart_has_a_wide_and_a_narrow_size_or_is_square():
    assert sizes_of(chart([])) == (WIDE, NARROW)
    assert sizes_of(chart([], diagonal=True)) == (SQUARE,)
    assert sizes_of(chart([], diagonal=True, shape="wide")) == (WIDE, NARROW)
    both = Axis("rate", scale="normal")
    assert sizes_of(chart([], x=both, y=both)) == (SQUARE,)


def test_texts_of_a_chart_are_shown_and_never_obeyed():
    one = chart(
        [Series(HOSTILE, [0, 1], [0, 1]), Series("b", [0], [0])], title=HOSTILE, x=Axis(HOSTILE), y=Axis(HOSTILE)
    )
    svg = drawn(one)
    assert svg.find(f"{SVG}title").text == HOSTILE
    assert not [element for element in svg.iter() if element.get("onload")]
    assert "<" not in chart_json(one)
    assert json.loads(chart_json(one))["title"] == HOSTILE


def test_the_json_has_every_value_of_a_short_series():
    values = np.random.default_rng(0).random(50)
    found = json.loads(chart_json(chart([Series("a", np.arange(50), values, low=values - 1, high=values + 1)])))[
        "series"
    ][0]
    np.testing.assert_allclose(found["y"], values, rtol=1e-6)
    np.testing.assert_allclose(found["low"], values - 1, rtol=1e-6)
    assert found["x"] == list(range(50))
    assert json.loads(chart_json(chart([Series("a", [0, 1], [math.nan, math.inf])])))["series"][0]["y"] == [None, None]


@given(st.integers(2, 300), st.integers(2, 50))
def test_a_thinned_series_keeps_its_ends_and_is_no_longer_than_allowed(count, most):
    series = thinned(Series("a", range(count), range(count), low=range(count), high=range(count)), most)
    assert len(series.y) == min(count, most)
    assert (series.x[0], series.x[-1]) == (0, count - 1)
    assert list(series.x) == list(series.y) == list(series.low or ()) == sorted(set(series.x))


def test_a_long_series_states_its_length_in_the_json():
    found = json.loads(chart_json(chart([Series("a", range(9000), range(9000))])))["series"][0]
    assert (len(found["y"]), found["of"]) == (MOST_POINTS, 9000)


def test_the_table_has_the_values_with_intervals_and_omits_empty_bars():
    rows = chart_rows(chart([Series("a", [0, 1, 2, 3], [4, 0, 2], "bars")]))
    assert rows == [["Series", "across", "up"], ["a", "0–1", "4"], ["a", "2–3", "2"]]
    named = Axis("across", names=("few", "many"))
    assert chart_rows(chart([Series("a", [0, 1, 2], [4, 1], "bars")], x=named))[1:] == [
        ["a", "few", "4"],
        ["a", "many", "1"],
    ]
    rows = chart_rows(chart([Series("a", [1], [0.5], low=[0.4], high=[0.6])], y=Axis("up", percent=True)))
    assert rows == [["Series", "across", "up", "95 % interval"], ["a", "1", "50 %", "40 %–60 %"]]
    assert len(chart_rows(chart([Series("a", range(999), range(999))]))) == 41
