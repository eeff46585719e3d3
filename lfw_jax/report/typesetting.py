"""Line breaks in texts of a page: numbers keep their units, ranges and options stay whole."""

import re

from markupsafe import Markup, escape

_NO_BREAK = "\N{NO-BREAK SPACE}"
# Options, ranges of numbers and words such as "AS-norm", with the brackets and the punctuation that belong on their line.
_WHOLE = re.compile(r"\(?(?:(?P<option>--\w[\w.=/\-]*\w)|[\d.,]*\d–[\d.,]*\d|\b[A-Za-z]{1,3}-\w+)(?:\xa0%)?[).,:;]*")
# "88.6 %", "95 % interval", "k = 10", "1 − FNMR", "21.2 ± 4.6"
_JOINED = re.compile(r"(?<=\d) (?=%)|(?<=\d %) (?=interval)|(?<=\w) (?=[=−±×] \w)|(?<=\w [=−±×]) (?=\w)")


def joined(text: str) -> str:
    """Return the text with no-break spaces between numbers and their units or signs.

    Args:
      text: plain text.
    """
    return _JOINED.sub(_NO_BREAK, text)


def typeset(text: str) -> Markup:
    """Return plain text as HTML that is not broken within numbers, ranges and options.

    An option that is wider than its line is still broken. A copied option has no characters that a shell would not understand.

    Args:
      text: plain text.
    """
    text = joined(text)
    html, end = Markup(), 0
    for part in _WHOLE.finditer(text):
        kind = "option" if part["option"] else "whole"
        html += escape(text[end : part.start()]) + Markup('<span class="{}">{}</span>').format(kind, part[0])
        end = part.end()
    return html + escape(text[end:])
