"""Line breaks of a page: numbers keep their units, options stay whole, text stays text."""

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lfw_jax.report.typesetting import joined, typeset


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("FNMR 54.40 % at most", ["FNMR", "54.40 %", "at", "most"]),
        ("(95 % interval 86.0–90.8 %).", ["(95 % interval", "86.0–90.8 %)."]),
        ("length 21.2 ± 4.6", ["length", "21.2 ± 4.6"]),
        ("neighbour (k = 10)", ["neighbour", "(k = 10)"]),
        ("TAR is 1 − FNMR", ["TAR", "is", "1 − FNMR"]),
        ("the share in % of all", ["the", "share", "in", "%", "of", "all"]),
    ],
)
def test_a_number_is_not_separated_from_its_unit_or_sign(text, words):
    assert [word.replace("\N{NO-BREAK SPACE}", " ") for word in joined(text).split(" ")] == words


def test_an_option_is_one_element_without_the_punctuation_around_it():
    assert typeset("hold out more (--config.data.validation_people), or add identities.") == (
        'hold out more (<span class="option">--config.data.validation_people</span>), or add identities.'
    )
    command = "python launch.py --workdir=runs/a-b --mode=evaluate"
    assert re.findall(r">([^<]+)</span>", typeset(command)) == ["--workdir=runs/a-b", "--mode=evaluate"]


@given(st.text(st.characters(codec="utf-8", exclude_characters="\N{NO-BREAK SPACE}")))
def test_any_text_is_shown_unchanged_and_never_as_markup(text):
    without_options = typeset(text).replace('<span class="option">', "").replace("</span>", "")
    assert not set(without_options) & set("<>")
    assert html.unescape(without_options).replace("\N{NO-BREAK SPACE}", " ") == html.unescape(html.escape(text))
