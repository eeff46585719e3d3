"""The examples of the package and of its page run."""

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import lfw_jax.descriptors

PAGE = Path(__file__).parents[2] / "docs" / "descriptors.md"
MODULES = [module.name for module in pkgutil.iter_modules(lfw_jax.descriptors.__path__, "lfw_jax.descriptors.")]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_give_what_they_say(name: str):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_the_example_of_the_page_runs():
    (example,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    exec(compile(example, str(PAGE), "exec"), {})
