"""The example of docs/backends.md gives what it says."""

import doctest
from pathlib import Path

DOCUMENT = Path(__file__).parents[2] / "docs" / "backends.md"


def test_the_example_of_the_page_runs():
    result = doctest.testfile(str(DOCUMENT), module_relative=False, encoding="utf-8")
    assert result.failed == 0
    assert result.attempted > 10
