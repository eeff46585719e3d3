"""The example of docs/descriptors_fisher.md runs and has the length that its comment states."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "descriptors_fisher.md"


def test_the_example_of_the_page_runs():
    (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names: dict = {}
    exec(example, names)
    assert names["vectors"].shape == (20, 2 * 8 * (16 + 2))
    assert names["vectors"].dtype == "float16"
