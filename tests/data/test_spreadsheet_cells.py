"""Cells that no spreadsheet runs, and that give back every text."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lfw_jax.data.formats.spreadsheet_cells import from_cell, to_cell

TEXTS = st.one_of(st.text(), st.text("'=+-@\t\r\n＝ a", max_size=6))


@given(TEXTS)
@example("'=1")
@example("''=1")
@example("'s-Hertogenbosch")
def test_every_text_comes_back_and_no_cell_begins_as_a_formula(text: str):
    cell = to_cell(text)
    assert from_cell(cell) == text
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"))


@pytest.mark.parametrize("text", ["Ann", "", "a=b", "'s-Hertogenbosch", "1.5", " =1", "''"])
def test_other_text_is_written_and_read_as_it_is(text: str):
    assert to_cell(text) == from_cell(text) == text
