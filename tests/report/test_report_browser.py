"""The page of a run in Chromium: its slider, lists, tables and downloads, its accessibility, and nothing from outside."""

import csv
import dataclasses
import io
import json
import os
import re
import shutil
from contextlib import contextmanager
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from lfw_jax.evaluation.decision_counts import decision_counts
from lfw_jax.evaluation.fusion.results import MembersResult
from lfw_jax.evaluation.roc import roc_points
from lfw_jax.evaluation.scores import ScoredPairs
from lfw_jax.evaluation.verification import verify_folds
from lfw_jax.report.page import Section
from lfw_jax.report.run_charts import distance_edges
from lfw_jax.report.run_page import RunReport, write_run_page
from lfw_jax.report.thumbnails import pair_thumbnails
from lfw_jax.training.history import HistoryRow
from tests.evaluation.finished_folders import run_metrics, scored
from tests.evaluation.fusion.sampled_members import correlated, sampled_result
from tests.report.test_report_run import DATA

playwright = pytest.importorskip("playwright.sync_api", reason="needs the package playwright")
Axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs the package axe-playwright-python").Axe
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
if CHROMIUM is None:
    pytest.skip("needs Chromium: install it (apt-get install chromium) or name it in CHROMIUM", allow_module_level=True)

HOSTILE = '<img src="x" onerror="document.title=1">'
SIZES = {"wide": 1280, "phone": 390}


def some_pairs() -> ScoredPairs:
    generator = np.random.default_rng(3)
    same = np.arange(400) % 2 == 0
    distances = generator.normal(np.where(same, 0.8, 1.3), 0.2).clip(0, 2)
    distances[:4] = 0.5  # exactly on the edge of a bar
    people = np.array(["Ada Lovelace", "Bob", "Eve", HOSTILE])
    first = generator.integers(0, 4, 400)
    second = np.where(same, first, (first + 1) % 4)
    return ScoredPairs(
        "test",
        distances,
        same,
        people[np.stack([first, second], 1)],
        generator.integers(1, 9, (400, 2)),
        np.arange(400) % 10,
    )


def some_members() -> MembersResult:
    """The members of a fusion, one of them with a hostile name and one whose scores do not vary."""
    members = sampled_result({"network": 1.0, HOSTILE: 0.5, "patches": 0.3}, (2.5, 2.0, 1.0), correlated(3, 0.4))
    missing = tuple((*row[:2], None) for row in members.same_correlations)
    return dataclasses.replace(members, same_correlations=missing)


@pytest.fixture(scope="module")
def pairs():
    return some_pairs()


@pytest.fixture(scope="module")
def report(tmp_path_factory, pairs):
    """The page of a run with every kind of section."""
    result = verify_folds(pairs).metrics
    sets = {
        name: verify_folds(dataclasses.replace(scored(name, seed, 2000), folds=np.arange(2000) * 10 // 2000)).metrics
        for name, seed in (("party", 7), ("office", 8), ("beach", 9))
    }
    metrics = run_metrics(1, sets=sets, leaking={"party": 3}, evaluation={"test": result}, members=some_members())
    images = np.random.default_rng(0).integers(0, 256, (30, 16, 16, 3), dtype=np.uint8)
    indices = np.arange(400) % 30, (np.arange(400) + 1) % 30
    content = RunReport(
        metrics=metrics,
        pairs=pairs,
        errors=Section("The worst errors", "None."),
        history=[
            HistoryRow(10 * i, loss=5.0 / i, learning_rate=0.1, validation_accuracy=0.8 if i % 4 == 0 else None)
            for i in range(1, 21)
        ],
        data=DATA,
        objective="ArcFace",
        config="loss: arcface",
        thumbnails=pair_thumbnails(pairs, result.by_rule("accuracy").threshold, images, indices),
    )
    path = tmp_path_factory.mktemp("page") / "report.html"
    write_run_page(path, content)
    return path


@pytest.fixture(scope="module")
def browser():
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    with playwright.sync_playwright() as engine:
        launched = engine.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield launched
        launched.close()


@contextmanager
def opened(browser, path: Path, *, width: int = 1280, scheme: str = "light", javascript: bool = True):
    """Open a page. Fail if it logs an error or requests anything but itself."""
    complaints, requests = [], []
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=javascript
    )
    page = context.new_page()
    page.on(
        "console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri())
    yield page
    context.close()
    assert complaints == []
    outside = [url for url in requests if not url.startswith(("data:", "blob:"))]
    assert outside == [path.as_uri()]


@pytest.fixture
def page(browser, report):
    with opened(browser, report) as page:
        yield page


def text_of(page, name):
    return page.locator(f"[data-{name}]").first.inner_text()


def move(page, stop):
    """Move the slider as a user does: the value changes and an event follows."""
    page.locator("#threshold").evaluate(
        "(slider, stop) => { slider.value = stop; slider.dispatchEvent(new Event('input')) }", stop
    )


def follower(page, chart):
    return json.loads(page.locator(f"#figure-{chart} svg.chart .followers").first.get_attribute("data-values"))


@pytest.mark.parametrize("stop", [0, 300, 1100, -1])
def test_the_slider_moves_table_line_and_points_together_to_the_numbers_of_python(page, pairs, stop):
    counts = json.loads(page.locator(".values-of-explorer").inner_text())
    stop %= len(counts["stops"])
    move(page, stop)
    threshold = counts["stops"][stop]
    accepted = pairs.distances < threshold
    decisions = {
        "true-match": accepted[pairs.same],
        "false-non-match": ~accepted[pairs.same],
        "false-match": accepted[~pairs.same],
        "true-non-match": ~accepted[~pairs.same],
    }
    for name, found in decisions.items():
        assert int(text_of(page, f'count="{name}"')) == found.sum()
        rate = float(text_of(page, f'rate="{name}"').removesuffix(" %"))
        assert rate == pytest.approx(100 * found.mean(), abs=0.051)
    fmr, tmr = accepted[~pairs.same].mean(), accepted[pairs.same].mean()
    assert follower(page, "distances")[0] == pytest.approx(threshold)
    for chart in ("roc", "roc-low-rates"):
        assert follower(page, chart) == pytest.approx([fmr, tmr])
    assert f"{threshold:.4f}" in page.locator(".slider output").inner_text()
    accuracy = float(text_of(page, 'value="accuracy"').removesuffix(" %"))
    assert accuracy == pytest.approx(100 * np.mean(accepted == pairs.same), abs=0.051)


def test_the_counts_of_the_slider_are_those_of_python(page, pairs):
    found = json.loads(page.locator(".values-of-explorer").inner_text())
    counts = decision_counts(pairs, [])
    exact = dict(zip(counts.thresholds.tolist(), zip(counts.same, counts.different, strict=True), strict=True))
    shown = dict(zip(found["stops"], zip(found["same"], found["different"], strict=True), strict=True))
    assert exact.keys() <= shown.keys()
    assert all(shown[stop] == tuple(map(int, exact[stop])) for stop in exact)


def test_the_line_and_the_point_move_on_the_screen(page):
    def positions():
        line = page.locator("#figure-distances svg.wide .followers path").bounding_box()
        point = page.locator("#figure-roc svg.chart .followers circle").bounding_box()
        return line["x"], point["x"], point["y"]

    move(page, 700)
    line, x, y = positions()
    move(page, 1300)
    assert positions()[0] > line + 20
    assert positions()[1] > x + 20
    assert positions()[2] < y


def test_the_slider_and_the_chosen_thresholds_work_by_keyboard(page):
    slider = page.locator("#threshold")
    slider.focus()
    before = text_of(page, 'value="threshold"')
    page.keyboard.press("ArrowRight")
    after = text_of(page, 'value="threshold"')
    assert float(after) > float(before)
    assert slider.get_attribute("aria-valuetext") == after
    button = page.locator(".presets button").first
    button.focus()
    page.keyboard.press("Enter")
    assert text_of(page, 'value="threshold"') == before


def rows_of(page, selector):
    return [row.locator("td, th").all_inner_texts() for row in page.locator(f"{selector} tbody tr").all()]


@pytest.mark.parametrize("index", [20, 40, 44])
def test_a_click_on_a_bar_lists_exactly_its_pairs(page, pairs, index):
    edges = distance_edges(pairs)
    counts = [np.histogram(pairs.distances[chosen], edges)[0] for chosen in (pairs.same, ~pairs.same)]
    expected = np.sort(pairs.distances[(pairs.distances >= edges[index]) & (pairs.distances < edges[index + 1])])
    assert len(expected) == sum(count[index] for count in counts)
    svg = page.locator("#figure-distances svg.wide")
    left, top, width, height = map(float, svg.get_attribute("data-frame").split())
    box, view = svg.bounding_box(), list(map(float, svg.get_attribute("viewBox").split()))
    scale = box["width"] / view[2]
    x, y = left + width * (index + 0.5) / (len(edges) - 1), top + height * 0.9
    svg.click(position={"x": x * scale, "y": y * scale})
    assert page.locator(".pairs h3").inner_text().lower().startswith(f"{len(expected)} pair")
    rows = rows_of(page, ".pairs")
    assert [float(row[0]) for row in rows] == pytest.approx(expected, abs=1e-4)
    same = [row[1] == "same identity" for row in rows]
    assert (sum(same), len(same) - sum(same)) == tuple(int(count[index]) for count in counts)
    threshold = float(text_of(page, 'value="threshold"'))
    for row, is_same in zip(rows, same, strict=True):
        accepted = float(row[0]) < threshold
        assert row[2] == f"{'accepted' if accepted else 'rejected'}, {'correct' if accepted == is_same else 'wrong'}"
        assert (row[3].rpartition(" ")[0] == row[4].rpartition(" ")[0]) == is_same
    assert page.locator(".pairs img").count() == 2 * len(rows)
    assert page.title() == "Face verification: tiny"


def test_pairs_are_listed_by_keyboard_and_the_focus_follows(page, pairs):
    plot = page.locator("#figure-distances .plot")
    plot.focus()
    page.keyboard.press("Home")
    for _ in range(32):
        page.keyboard.press("ArrowRight")
    assert (
        page.locator("#figure-distances .readout")
        .inner_text()
        .startswith("distance between the two embeddings 0.8–0.825:")
    )
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.textContent").startswith(
        f"{np.sum((pairs.distances >= 0.8) & (pairs.distances < 0.825))} pairs"
    )
    page.get_by_role("button", name="Close the list").click()
    assert page.locator(".pairs").is_hidden()
    assert page.evaluate("document.activeElement.className") == "plot clickable"


def test_the_pointer_shows_the_values_below_it(page, pairs):
    svg = page.locator("#figure-roc svg.chart")
    left, top, width, _ = map(float, svg.get_attribute("data-frame").split())
    scale = svg.bounding_box()["width"] / float(svg.get_attribute("viewBox").split()[2])
    svg.hover(position={"x": (left + width) * scale - 2, "y": top * scale + 2})
    said = page.locator("#figure-roc .readout").inner_text()
    found = re.fullmatch(r"false match rate \(FMR\) ([\d.]+) %: true match rate \(TMR\) ([\d.]+) %", said)
    assert found
    far, tar = roc_points(pairs.distances, pairs.same)
    distance = np.abs(100 * far - float(found[1])) + np.abs(100 * tar - float(found[2]))
    assert distance.min() < 0.02
    assert page.locator("#figure-roc .cursors circle").count() == 1


def test_tables_are_sorted_by_numbers_in_both_directions(page):
    table = page.locator("section", has=page.get_by_role("heading", name="Evaluation sets")).locator("table")
    heading = table.get_by_role("columnheader", name="AUC")

    def column():
        return [float(text) for text in table.locator("tbody td:nth-child(6)").all_inner_texts()]

    before = column()
    heading.get_by_role("button").click()
    assert column() == sorted(before)
    assert heading.get_attribute("aria-sort") == "ascending"
    heading.get_by_role("button").click()
    assert column() == sorted(before, reverse=True)
    assert heading.get_attribute("aria-sort") == "descending"
    table.get_by_role("columnheader", name="Set").get_by_role("button").click()
    assert table.locator("tbody th").all_inner_texts() == ["beach", "office", "party"]
    assert heading.get_attribute("aria-sort") is None


def downloaded(page, chart, kind):
    with page.expect_download() as download:
        page.locator(f"#figure-{chart}").get_by_role("button", name=f"{kind}: download").click()
    assert download.value.suggested_filename == f"{chart}.{kind.lower()}"
    return Path(download.value.path()).read_bytes()


def test_the_csv_of_the_histogram_has_its_counts(page, pairs):
    rows = list(csv.reader(io.StringIO(downloaded(page, "distances", "CSV").decode())))
    x = "distance between the two embeddings"
    assert rows[0] == ["series", f"{x} from", f"{x} to", "pairs per 0.025"]
    edges = distance_edges(pairs)
    for name, chosen in (("same identity (200 pairs)", pairs.same), ("different identities (200 pairs)", ~pairs.same)):
        own = np.array([row[1:] for row in rows if row[0] == name], dtype=float)
        np.testing.assert_allclose(own[:, 0], edges[:-1])
        np.testing.assert_allclose(own[:, 1], edges[1:])
        np.testing.assert_array_equal(own[:, 2], np.histogram(pairs.distances[chosen], edges)[0])


def test_the_csv_of_the_roc_curve_has_its_points(page, pairs):
    rows = list(csv.reader(io.StringIO(downloaded(page, "roc", "CSV").decode())))
    points = np.array([row[1:] for row in rows[1:]], dtype=float)
    np.testing.assert_allclose(points.T, roc_points(pairs.distances, pairs.same), atol=1e-6)


def test_the_svg_is_a_file_of_its_own_and_the_png_a_picture_of_it(page):
    svg = downloaded(page, "distances", "SVG").decode()
    root = ElementTree.fromstring(svg)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "var(" not in svg
    assert "#0072b2" in svg
    picture = Image.open(io.BytesIO(downloaded(page, "distances", "PNG"))).convert("RGB")
    assert picture.width == 3 * float(root.get("width"))
    blue = np.abs(np.asarray(picture, int) - (0, 114, 178)).sum(axis=2) < 200
    assert blue.mean() > 0.01


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_the_page_is_accessible_and_fits(browser, report, size, scheme):
    with opened(browser, report, width=SIZES[size], scheme=scheme) as page:
        plot = page.locator("#figure-distances .plot")
        plot.focus()
        page.keyboard.press("Home")
        for _ in range(4):
            page.keyboard.press("PageDown")
        page.keyboard.press("Enter")
        page.locator("details").evaluate_all("all => all.forEach(one => one.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        found = [
            (violation["id"], [node["target"] for node in violation["nodes"]][:3])
            for violation in Axe().run(page).response["violations"]
            if violation["impact"] in ("serious", "critical")
        ]
        assert found == []


def test_all_text_of_charts_has_eleven_pixels_or_more_on_a_phone(browser, report):
    with opened(browser, report, width=SIZES["phone"]) as page:
        heights = page.locator("svg.chart:visible").evaluate_all(
            "all => all.map(svg => svg.getScreenCTM().a * parseFloat(getComputedStyle(svg).fontSize))"
        )
        assert len(heights) == page.locator("figure.interactive").count()
        assert min(heights) >= 11
        wide = page.locator("table.cards tbody tr").evaluate_all(
            "rows => rows.filter(row => getComputedStyle(row).display !== 'block').length"
        )
        assert wide == 0


def test_the_page_is_complete_without_its_script(browser, report, pairs):
    with opened(browser, report, javascript=False) as page:
        assert page.locator(".slider").is_hidden()
        threshold = float(text_of(page, 'value="threshold"'))
        # The threshold is shown with four digits.
        near = [np.sum(pairs.distances[pairs.same] < threshold + shift) for shift in (-5e-5, 5e-5)]
        assert near[0] <= int(text_of(page, 'count="true-match"')) <= near[1]
        for chart in ("distances", "roc", "training-loss"):
            assert page.locator(f"#figure-{chart} svg.chart:visible path").count() > 3
            assert page.locator(f"#figure-{chart} details tr").count() > 5
        assert page.get_by_role("button").count() == 0
