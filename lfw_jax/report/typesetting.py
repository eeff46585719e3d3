"""Line breaks in texts of a page: numbers keep their units, and options stay whole."""

import re

from markupsafe import Markup, escape

_NO_BREAK = "\N{NO-BREAK SPACE}"
_OPTION = re.compile(r"--\w[\w.=/\-]*\w")
# "88.6 %", "95 % interval", "k = 10", "1 − FNMR", "21.2 ± 4.6"
_JOINED = re.compile(r"(?<=\d) (?=%)|(?<=\d %) (?=interval)|(?<=\w) (?=[=−±×] \w)|(?<=\w [=−±×]) (?=\w)")


def joined(text: str) -> str:
    """Return the text with no-break spaces between numbers and their units or signs.

    Args:
      text: plain text.
    """
    return _JOINED.sub(_NO_BREAK, text)


def typeset(text: str) -> Markup:
    """Return plain text as HTML that is not broken within numbers and options of the command line.

    An option that is wider than its line is still broken. Copied text contains no characters that a shell would not
    understand in an option.

    Args:
      text: plain text.
    """
    html, end = Markup(), 0
    for option in _OPTION.finditer(text):
        html += escape(joined(text[end : option.start()])) + Markup('<span class="option">{}</span>').format(option[0])
        end = option.end()
    return html + escape(joined(text[end:]))
