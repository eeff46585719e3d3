"""Every example in the metric core, README.md and docs/metric.md runs, and every public function is documented."""

import ast
import doctest
import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest

import lfw_jax.metric
from lfw_jax.metric import heads, losses, memory, miners, pairs

ROOT = Path(__file__).parents[2]
MODULES = [module.name for module in pkgutil.walk_packages(lfw_jax.metric.__path__, "lfw_jax.metric.")]
PUBLIC = {
    f"{room.__name__}.{name}": getattr(room, name)
    for room, names in (
        (pairs, ("compare",)),
        (miners, miners.__all__),
        (losses, losses.__all__),
        (heads, heads.__all__),
        (memory, ("init", "remember", "compare_with")),
    )
    for name in names
    if inspect.isfunction(getattr(room, name))
}
RUNS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_give_what_they_say(name: str):
    assert doctest.testmod(importlib.import_module(name), optionflags=RUNS).failed == 0


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_function_has_an_example_and_shapes(name: str):
    function = PUBLIC[name]
    documentation = inspect.getdoc(function) or ""
    assert ">>>" in documentation
    source = ast.parse(inspect.getsource(function)).body[0]
    assert isinstance(source, ast.FunctionDef)
    every = [*source.args.posonlyargs, *source.args.args, *source.args.kwonlyargs]
    assert all(argument.annotation is not None for argument in every)
    assert source.returns is not None
    if "ValueError" in inspect.getsource(function):
        assert "Raises:" in documentation or "errors as of" in documentation.replace("\n", " ")


def blocks(document: str) -> list[str]:
    """The Python examples of a page that show what they give."""
    found = re.findall(
        r"^```python\n(.*?)^```", (ROOT / document).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    return [block for block in found if ">>>" in block]


@pytest.mark.parametrize("document", ["README.md", "docs/metric.md"])
def test_the_examples_of_a_page_give_what_they_say(document: str):
    examples = blocks(document)
    assert examples
    for block in examples:
        test = doctest.DocTestParser().get_doctest(block, {}, document, document, 0)
        results = doctest.DocTestRunner(optionflags=RUNS).run(test)
        assert results.attempted > 0
        assert results.failed == 0


def test_the_loop_of_the_readme_is_short():
    (loop,) = (block for block in blocks("README.md") if "optax" in block)
    assert len([line for line in loop.splitlines() if line.startswith((">>>", "..."))]) <= 22
