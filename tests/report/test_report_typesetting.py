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


def test_an_option_is_one_element_with_the_punctuation_around_it():
    assert typeset("hold out more (--config.data.validation_people), or add identities.") == (
        'hold out more <span class="option">(--config.data.validation_people),</span> or add identities.'
    )
    command = "python launch.py --workdir=runs/a-b --mode=evaluate"
    assert re.findall(r">([^<]+)</span>", typeset(command)) == ["--workdir=runs/a-b", "--mode=evaluate"]


def test_a_short_word_with_a_hyphen_is_one_element():
    assert re.findall(r"whole\">([^<]+)</span>", typeset("AS-norm, min-Cllr and R-precision; not the false-match rate")) == [
        "AS-norm,", "min-Cllr", "R-precision;",
    ]  # fmt: skip


def test_a_range_is_one_element_with_its_brackets_and_unit():
    assert re.findall(r"whole\">([^<]+)</span>", typeset("88.6 % (86.2–90.7), or 1,085–1,135 and 0–7 %.")) == [
        "(86.2–90.7),", "1,085–1,135", "0–7\N{NO-BREAK SPACE}%.",
    ]  # fmt: skip


PARTS = st.sampled_from(["--config.a", "86.2–90.7", " %", "(", ")", "<b>", "&", "\n"])


@given(st.lists(PARTS | st.text(st.characters(codec="utf-8", exclude_characters="\N{NO-BREAK SPACE}"))).map("".join))
def test_any_text_is_shown_unchanged_and_never_as_markup(text):
    plain = re.sub(r'<span class="(?:option|whole)">(.*?)</span>', r"\1", typeset(text), flags=re.DOTALL)
    assert not set(plain) & set("<>")
    assert html.unescape(plain).replace("\N{NO-BREAK SPACE}", " ") == html.unescape(html.escape(text))
