"""The inspection in words: on a terminal of 80 columns, and as a page on its own feet."""

import base64
import copy
import io
import re

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from lfw_jax.report.inspection.charts import image_concentration, image_sides, images_per_identity
from lfw_jax.report.inspection.facts import facts
from lfw_jax.report.inspection.figures import crop_sheet, needed_side, pair_sheet
from lfw_jax.report.inspection.page import Evidence, write_inspection_page
from lfw_jax.report.inspection.terminal import print_inspection
from lfw_jax.report.inspection.values import bars, pair_in_words, size_in_words

HOSTILE = '[red]</td><script>alert("1")</script>[/red] $x$ 名前'
SUMMARY = {
    "config": "arcface",
    "command": "python launch.py --mode=inspect",
    "source": "folder faces",
    "plan": {"side": 112, "crop": 0.5, "loss": "arcface", "compares": False},
    "identities": 150,
    "images": 1204,
    "images_per_identity": {
        "min": 1,
        "median": 2.0,
        "mean": 8.03,
        "max": 900,
        "singletons": 60,
        "top_share": 0.75,
        "histogram": [
            {"from": 1, "to": 1, "identities": 60, "images": 60},
            {"from": 2, "to": 4, "identities": 89, "images": 244},
            {"from": 500, "to": 900, "identities": 1, "images": 900},
        ],
        "most": [[HOSTILE, 900], ["Ada", 4], ["Bob", 4]],
    },
    "files": {
        "bytes": 18_650_000,
        "formats": {"JPEG": 1200, "PNG": 4},
        "modes": {"RGB": 1000, "L": 204},
        "different_sizes": 6,
        "sizes": [{"width": 250, "height": 250 + i, "images": 200 - i} for i in range(6)],
        "smallest": {"width": 20, "height": 30, "image": "small.jpg"},
        "largest": {"width": 2000, "height": 3000, "image": "large.jpg"},
        "square": 0.5,
        "aspect": {"median": 1.0, "max": 1.5},
    },
    "unreadable": {
        "count": 60,
        "reasons": {"not an image": 59, "cut off": 1},
        "files": [{"path": f"{HOSTILE}{i}.jpg", "reason": "not an image"} for i in range(60)],
    },
    "duplicates": {
        "same_bytes": {"groups": 1, "within_identities": 0, "across_identities": 1},
        "near": {"within_identities": 1234, "across_identities": 2},
        "on_both_sides": 1,
        "distance_bits": {"at_most": 50, "of": 256},
        "complete": False,
        "pairs": [
            {
                "images": [f"{HOSTILE}/1.jpg", f"Ada/{i}.jpg"],
                "indices": [0, 1],
                "identities": [HOSTILE, "Ada"],
                "parts": ["training", "none" if i else "test"],
                "same_bytes": not i,
                "distance": 7 * i,
            }
            for i in range(3)
        ],
        "pairs_left_out": 7,
    },
    "split": {
        "training": {"identities": 100, "images": 1000},
        "pairs": {
            "validation": {"list": "held-out identities", "identities": 10, "images": 40, "same": 50, "different": 51},
            "test": {"list": "pairsDevTest", "identities": 30, "images": 90, "same": 500, "different": 500},
        },
        "unused_images_of_training_identities": 3,
        "left_out": {"in the test pairs": {"identities": 30, "images": 90, "examples": [HOSTILE, "Ada"]}},
        "notes": ["peopleDevTrain.txt is not at hand."],
    },
    "sampler": {
        "description": "uniform: 1000 images",
        "of_all_images": False,
        "batch_size": 128,
        "steps_per_epoch": 7,
        "steps_examined": 28,
        "epochs_examined": 4.0,
        "images": 1000,
        "never_images": 12,
        "never_identities": 5,
        "seldom_images": 900,
        "seldom_epochs": 4,
        "singletons_of_draws": 0.25,
        "singletons_of_identities": 0.5,
        "positive_pairs_per_batch": 3.25,
        "batches_without_positive_pair": 0.1,
        "by_images_of_identity": [
            {"from": 1, "images": 60, "per_epoch": 1.0},
            {"from": 500, "images": 900, "per_epoch": 0.02},
        ],
    },
    "faults": ["--config.sampler.batch_size is 128, but there are only 5."],
    "concerns": ["all images are grey: augmentation of colours does nothing."],
}


def printed(summary, width=80):
    buffer = io.StringIO()
    print_inspection(summary, console=Console(file=buffer, width=width, color_system=None))
    return buffer.getvalue()


def words(text):
    return " ".join(text.split())


def evidence(pictures=4):
    rng = np.random.default_rng(0)
    shown = [rng.integers(0, 256, (24, 24, 3), dtype=np.uint8) for _ in range(pictures)]
    counts = np.repeat([1, 3, 900], [60, 89, 1])
    return Evidence(counts, rng.integers(20, 2000, 300), shown, shown[:3], shown[1:4])


def page(tmp_path, summary=SUMMARY, **changes):
    path = tmp_path / "inspection.html"
    made = write_inspection_page(
        path, summary, changes.get("evidence", evidence()), config="a: 1", environment={"x": "1"}
    )
    assert made == path
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [80, 200, 60])
def test_no_line_is_longer_than_the_terminal_or_80_columns(width):
    assert max(len(line) for line in printed(SUMMARY, width).splitlines()) <= min(width, 80)


def test_the_terminal_prints_every_fact():
    said = words(printed(SUMMARY))
    for fact in (
        "150", "1,204", "18.6 MB", "1 / 2 / 8.0 / 900", "60 identities (40.0 %)", "75.0 % of all images",
        "JPEG 1,200, PNG 4", "colour (RGB) 1,000, grey (L) 204", "250 × 250 (200)", "and 2 other sizes",
        "20 × 30: small.jpg", "2000 × 3000: large.jpg", "50.0 % are square", "not an image 59", "cut off 1",
        "1 pair", "at least 1,234 pairs", "100 identities, 1,000 images",
        "500 same and 500 different pairs of 30 identities",
        "3 images of training identities", "peopleDevTrain.txt is not at hand.", "7 of 128 images",
        "12 images in 4 epochs, among them all images of 5 identities", "900 images, less than once in 4 epochs",
        "0.02 for those with 500 images or more", "3.2 per batch; 10.0 % of the batches have none",
        "25.0 % of the sampled images",
        "Training cannot begin", "! --config.sampler.batch_size is 128", "Problems", "! All images are grey",
        "the centred square of 50 % of the shorter side, resized to 112 × 112", "30 identities, 90 images",
    ):  # fmt: skip
        assert fact in said, fact


def test_names_are_printed_literally_and_never_interpreted():
    assert '[red]</td><script>alert("1")</script>[/red]' in words(printed(SUMMARY))


def test_a_set_without_problems_is_said_to_have_none():
    sound = {**SUMMARY, "faults": [], "concerns": []}
    assert "No problem was found" in printed(sound)
    assert "cannot begin" not in printed(sound)


def test_groups_without_facts_are_omitted():
    summary = {**SUMMARY, "split": None, "sampler": None}
    summary["duplicates"] = {**SUMMARY["duplicates"], "on_both_sides": None}
    assert [group.title for group in facts(summary)] == [
        "Data set",
        "Images per identity",
        "Files",
        "Unreadable files",
        "Duplicates",
    ]
    assert "training and evaluation" not in printed(summary)


def test_bars_are_as_long_as_the_bins_are_full():
    drawn = bars(
        [{"from": 1, "to": 1, "identities": 80, "images": 80}, {"from": 2, "to": 4, "identities": 40, "images": 99}], 10
    )
    assert [(label, len(bar)) for label, bar, _ in drawn] == [("1", 10), ("2–4", 5)]
    assert drawn[1][2] == "40 identities, 99 images"
    assert bars(
        [{"from": 1, "to": 1, "identities": 999, "images": 9}, {"from": 2, "to": 2, "identities": 1, "images": 2}], 10
    )[1][1]


@pytest.mark.parametrize(
    ("count", "text"), [(12, "12 bytes"), (1500, "1.5 KB"), (188_352_526, "188.4 MB"), (2.5e13, "25.0 TB")]
)
def test_sizes_have_units(count, text):
    assert size_in_words(int(count)) == text


def test_a_pair_is_described_with_its_parts():
    first, second = SUMMARY["duplicates"]["pairs"][:2]
    assert pair_in_words(first).endswith("(training) = Ada/0.jpg (test): identical files")
    assert pair_in_words(second).endswith("= Ada/1.jpg: 7 of 256 hash bits differ")


def test_the_page_is_whole_and_refers_to_nothing_outside(tmp_path):
    html = page(tmp_path)
    html = html.replace("http://www.w3.org/2000/svg", "")  # a name, which is never requested
    assert not re.search(r'<script src|https?://|url\(|@import|href="[^#]', html)
    assert html.count("<section") == html.count("</section>") == 12
    for title in (
        "Problems",
        "Images per identity",
        "Files",
        "List of unreadable files",
        "Identities not used for training",
        "Batches",
    ):
        assert f"<h2>{title}</h2>" in html
    assert 'Training cannot begin: <span class="option">--config.sampler.batch_size</span> is 128' in html
    assert "inspection_duplicates.csv lists 7 more" in html
    assert "The first 50 of 60" in html
    images = re.findall(r'src="data:image/(\S+?);base64,([^"]+)"', html)
    assert [kind for kind, _ in images] == ["jpeg", "jpeg"]
    for _, content in images:
        Image.open(io.BytesIO(base64.b64decode(content))).verify()
    names = re.findall(r'id="figure-(.*?)"', html)
    assert names == ["images-per-identity", "concentration", "sizes"]


def test_names_of_identities_and_files_are_escaped(tmp_path):
    html = page(tmp_path)
    assert html.count("[red]&lt;/td&gt;&lt;script&gt;alert(&#34;1&#34;)&lt;/script&gt;[/red] $x$ 名前") >= 4 + 50


def test_a_page_of_a_set_without_pairs_or_pictures(tmp_path):
    summary = copy.deepcopy(SUMMARY) | {"faults": [], "concerns": []}
    summary["duplicates"]["pairs"] = []
    summary["unreadable"] = {"count": 0, "reasons": {}, "files": []}
    html = page(tmp_path, summary, evidence=Evidence(np.array([2, 2]), np.array([20, 20]), [], [], []))
    assert "No problem was found that would harm the training" in html
    assert "List of unreadable files" not in html
    assert "List of serious duplicates" not in html
    assert re.findall(r'id="figure-(.*?)"', html) == ["images-per-identity", "concentration"]


@pytest.mark.parametrize(("identities", "scale"), [([60, 1], "log"), ([60, 40], "linear")])
def test_the_plot_of_images_per_identity_shows_small_bars(identities, scale):
    histogram = [{"from": i + 1, "to": i + 1, "identities": count} for i, count in enumerate(identities)]
    chart = images_per_identity(histogram)
    assert chart.y.scale == scale
    assert list(chart.series[0].y) == identities
    assert chart.x.names == ["1", "2"]


def test_the_concentration_rises_from_nothing_to_all_images_and_is_even_on_the_diagonal():
    counts = np.repeat([1, 2], [60, 20])
    [curve] = image_concentration(counts).series
    assert (curve.y[0], curve.y[-1]) == (0.0, 1.0)
    assert curve.y[curve.x.index(0.25)] == pytest.approx(0.4)  # 20 of 80 identities have 40 of 100 images
    [even] = image_concentration(np.full(50, 3)).series
    np.testing.assert_allclose(even.x, even.y)


def test_the_chart_of_sides_marks_where_pixels_are_enlarged():
    chart = image_sides(np.array([20, 30, 300, 300]), needed_side({"side": 112, "crop": 0.5}))
    assert chart.verticals == [("smaller images are enlarged, pixels", 224)]
    assert sum(chart.series[0].y) == 4


def test_sheets_are_small_jpegs():
    pictures = [np.full((32, 32, 3), level, np.uint8) for level in (0, 100, 200)]
    sheet = np.asarray(Image.open(io.BytesIO(crop_sheet(pictures))))
    assert (np.abs(sheet.astype(int) - 100) < 4).all(axis=2).sum() >= 2 * 30 * 30
    pairs = crop_sheet(pictures), pair_sheet(pictures * 6, pictures[::-1] * 6)
    assert all(len(content) < 30_000 for content in pairs)
