"""Text in CSV files that people open in a spreadsheet, which would run some texts as formulas.

Before such a text stands an apostrophe, with which spreadsheets mark plain text. It is removed on reading, so that every text
comes back as it was.
"""

import re

# Starts of a formula (OWASP, "CSV injection"), in ASCII and in full width; and texts that a written cell could be mistaken for.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")


def to_cell(text: str) -> str:
    """Return the text as a cell that no spreadsheet runs.

    Example:
      >>> to_cell("=1+1")
      "'=1+1"
    """
    return f"'{text}" if _FORMULA.match(text) else text


def from_cell(cell: str) -> str:
    """Return the text of a cell that `to_cell` made.

    A cell that was written without it comes back unchanged, except for a text like "'=1".

    Example:
      >>> from_cell("'=1+1")
      '=1+1'
    """
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
