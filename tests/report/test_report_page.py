"""The HTML page: complete, escaped, self-contained."""

import base64
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from matplotlib.figure import Figure

from lfw_jax.report.page import Reproduction, Section, rendered_table, write_page

HOSTILE = '</pre><script>alert("1")</script><img src=x onerror=alert(1)> & {{ title }} {% raw %}'


class Page(HTMLParser):
    """Collects tags, attributes, and the text inside each tag; counts what is left open.

    Options and ranges are text of the tag around them, and no-break spaces are spaces.
    """

    VOID = frozenset({"meta", "img", "link", "br", "hr", "input"})

    def __init__(self, html):
        super().__init__()
        self.tags, self.open, self.text = [], [], {}
        html = html.replace("\N{NO-BREAK SPACE}", " ")
        html = re.sub(r'<span class="(?:option|whole)">(.*?)</span>', r"\1", html)
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)
            self.text.setdefault(tag, []).append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open:
            self.text[self.open[-1]][-1] += data

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def drawing():
    figure = Figure(figsize=(2, 1))
    figure.add_subplot().plot([0, 1])
    return figure


def photographs():
    figure = Figure(figsize=(2, 1))
    figure.add_subplot().imshow(np.zeros((8, 8, 3), np.uint8))
    return figure


def write(path, **changes):
    content = {
        "title": "ArcFace on LFW",
        "subtitle": "one run",
        "headline": [("Accuracy", "90.5 %", "interval 88.6–92.2 %")],
        "sections": [
            Section(
                "Result",
                "One\nparagraph.\n\nAnd another.",
                [["", "value", "word"], ["F1", "0.907", "good"], ["share", "9.0 %", "3 of us"]],
                [("a drawing", drawing()), ("photographs", photographs())],
            )
        ],
        "reproduction": Reproduction("python launch.py --job=train", "loss: arcface", {"JAX": "0.10"}),
    }
    return write_page(path, **(content | changes))


def test_the_page_holds_everything_it_was_given(tmp_path):
    path = write(tmp_path / "report.html", notice="leaking: 3 people")
    page = Page(path.read_text(encoding="utf-8"))
    assert page.open == []
    assert page.text["h1"] == ["ArcFace on LFW"]
    assert page.text["dd"] == ["90.5 %", "interval 88.6–92.2 %"]
    assert page.text["h2"][0] == "Result"
    assert page.text["p"] == ["one run", "leaking: 3 people", "One paragraph.", "And another."]
    assert page.text["pre"] == ["python launch.py --job=train", "loss: arcface"]
    assert page.text["td"] == ["0.907", "good", "9.0 %", "3 of us", "0.10"]
    assert [cell.get("class") for cell in page.all("td")][:4] == ["n", None, "n", None]
    assert page.text["figcaption"] == ["a drawing", "photographs"]


def test_drawings_are_svg_and_photographs_png_each_with_a_text_for_the_blind(tmp_path):
    images = Page(write(tmp_path / "report.html").read_text(encoding="utf-8")).all("img")
    assert [image["alt"] for image in images] == ["a drawing", "photographs"]
    (svg_kind, svg), (png_kind, png) = (image["src"].split(";base64,") for image in images)
    assert (svg_kind, png_kind) == ("data:image/svg+xml", "data:image/png")
    assert b"<svg" in base64.b64decode(svg, validate=True)
    assert base64.b64decode(png, validate=True).startswith(b"\x89PNG")


def own_scripts(page):
    """The scripts that a browser runs; the others are data."""
    return [attributes for attributes in page.all("script") if attributes.get("type") != "application/json"]


def test_the_page_refers_to_nothing_outside_and_runs_only_its_own_script(tmp_path):
    html = write(tmp_path / "report.html").read_text(encoding="utf-8")
    page = Page(html)
    assert not {"link", "iframe", "object"} & {tag for tag, _ in page.tags}
    assert own_scripts(page) == [{}]
    for _, attributes in page.tags:
        assert attributes.get("href", "#").startswith("#")
        assert attributes.get("src", "data:").startswith("data:")
        assert not [name for name in attributes if name.startswith("on")]
    html = html.replace("http://www.w3.org/2000/svg", "")  # a name, which is never requested
    assert not re.search(r"https?://|url\(|@import", html)


@pytest.mark.parametrize(
    "content",
    [
        {"title": HOSTILE},
        {"subtitle": HOSTILE},
        {"notice": HOSTILE},
        {"reproduction": Reproduction(HOSTILE, "")},
        {"reproduction": Reproduction("", HOSTILE)},
    ],
    ids=["title", "subtitle", "notice", "command", "config"],
)
def test_hostile_text_is_shown_and_never_obeyed(tmp_path, content):
    page = Page(write(tmp_path / "report.html", **content, sections=[]).read_text(encoding="utf-8"))
    assert page.open == []
    assert own_scripts(page) == [{}]
    assert not page.all("img")
    assert any(HOSTILE in text for texts in page.text.values() for text in texts)


def test_hostile_cells_captions_and_names_are_shown_and_never_obeyed(tmp_path):
    section = Section(HOSTILE, HOSTILE, [[HOSTILE, "x"], [HOSTILE, HOSTILE]], [(HOSTILE, drawing())])
    page = Page(
        write(
            tmp_path / "report.html",
            sections=[section],
            headline=[(HOSTILE, HOSTILE, HOSTILE)],
            reproduction=Reproduction("", "", {HOSTILE: HOSTILE}),
        ).read_text(encoding="utf-8")
    )
    assert page.open == []
    assert own_scripts(page) == [{}]
    [image] = page.all("img")
    assert image["alt"] == HOSTILE
    assert "onerror" not in image
    shown = [text for tag in ("h2", "p", "th", "td", "figcaption", "dt", "dd") for text in page.text[tag]]
    assert shown.count(HOSTILE) == 11


@pytest.mark.parametrize(
    ("cell", "numeric"),
    [
        *(
            (cell, True)
            for cell in ("–", "0.907", "−0.10", "1,204", "9.0 %", "0.83 M", "21.2 ± 4.6", "25.4 of 128", "3 : 5")
        ),
        *(
            (cell, True)
            for cell in (
                "86.0–90.8 %",
                "88.6 % (86.2–90.7)",
                "+0.1 to +0.4 points",
                "0.1 % to 0.01 %",
                "1.00 (1.00)",
                "0.9529",
            )
        ),
        *(
            (cell, False)
            for cell in ("", "good", "3 of us", "1 × cpu (cpu)", "0.10.2 and later", "2 identities", "step 3")
        ),
    ],
)
def test_columns_of_numbers_are_aligned_right(cell, numeric):
    assert rendered_table([["name", "value"], ["a", cell]])["numeric"] == [False, numeric]


def test_a_long_page_begins_with_links_to_its_sections(tmp_path):
    sections = [Section(f"Part {number}", "") for number in range(1, 6)]
    page = Page(write(tmp_path / "report.html", sections=sections).read_text(encoding="utf-8"))
    links = [attributes["href"].removeprefix("#") for attributes in page.all("a")]
    assert links == [attributes["id"] for attributes in page.all("section")]
    assert page.text["a"] == [*(section.title for section in sections), "How to reproduce this page"]


@pytest.mark.parametrize("table", [None, [], [["a", "b"]]])
def test_a_section_without_rows_or_figures_is_a_section(tmp_path, table):
    page = Page(write(tmp_path / "report.html", sections=[Section("Bare", "", table)]).read_text(encoding="utf-8"))
    assert page.text["h2"][0] == "Bare"
    assert page.open == []
    assert len(page.all("table")) == (2 if table else 1)


def test_a_page_that_cannot_be_rendered_leaves_the_old_one_and_no_rest(tmp_path):
    path = tmp_path / "report.html"
    path.write_text("the old page", encoding="utf-8")
    broken = Section("Broken", "text", [["a", "b"], ["1", "2"], ["3"]])
    with pytest.raises(ValueError, match="shorter"):
        write(path, sections=[broken])
    assert path.read_text(encoding="utf-8") == "the old page"
    assert list(tmp_path.iterdir()) == [path]


def test_a_page_that_cannot_be_put_in_place_leaves_no_half_page(tmp_path):
    path = tmp_path / "report.html"
    path.mkdir()
    with pytest.raises(OSError, match=re.escape(path.name)):
        write(path, sections=[])
    assert list(tmp_path.iterdir()) == [path]


def test_writing_again_replaces_the_page(tmp_path):
    path = write(tmp_path / "report.html", sections=[])
    assert write(path, title="second", sections=[]) == path
    assert Page(path.read_text(encoding="utf-8")).text["h1"] == ["second"]
    assert list(tmp_path.iterdir()) == [path]
