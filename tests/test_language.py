"""The first line of a docstring names what the thing is or does, in one short line."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = sorted(
    folder
    for top in ("configs", "lfw_jax", "benchmarks")
    for folder in (ROOT / top, *(ROOT / top).iterdir())
    if folder.is_dir() and any(folder.rglob("*.py"))
)
QUESTION = re.compile(r"(What|Which|Whether|How|When|Where|Who|Whose|Why)\b")
LENGTH = 99
ENDS = (".", ":", ";", "!")

Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def documented(module: ast.Module) -> Iterator[tuple[str, str, int]]:
    """Yield name, docstring and line of the module and of its public classes, functions and methods."""

    def visit(node: Documented, name: str) -> Iterator[tuple[str, str, int]]:
        if docstring := ast.get_docstring(node):
            yield name, docstring, node.body[0].lineno
        if isinstance(node, ast.Module | ast.ClassDef):
            for child in node.body:
                definition = isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
                if definition and not child.name.startswith("_"):
                    yield from visit(child, f"{name}.{child.name}" if name else child.name)

    yield from visit(module, "")


def violations(source: str) -> list[str]:
    """Return every rule that a docstring of this source breaks, with line and name."""
    found = []
    for name, docstring, line in documented(ast.parse(source)):
        first = docstring.splitlines()[0]
        where = f"line {line}, {name or 'module'}"
        if QUESTION.match(first):
            found.append(f"{where}: opens with a question word: {first}")
        if len(first) > LENGTH:
            found.append(f"{where}: the first line has {len(first)} characters, more than {LENGTH}: {first}")
        if not first.endswith(ENDS):
            found.append(f"{where}: the first line is not a whole sentence: {first}")
    return found


@pytest.mark.parametrize("package", PACKAGES, ids=lambda folder: folder.relative_to(ROOT).as_posix())
def test_docstrings_open_with_one_short_statement(package: Path):
    whole = package.parent != ROOT  # the folders inside a top folder are packages of their own
    files = sorted(package.rglob("*.py") if whole else package.glob("*.py"))
    found = {
        file.relative_to(ROOT).as_posix(): broken
        for file in files
        if (broken := violations(file.read_text(encoding="utf-8")))
    }
    assert not found, "\n".join(f"{file}: {text}" for file, broken in found.items() for text in broken)


SAMPLE = '''"""What this module does."""

def long():
    """{long}."""

class Open:
    """Return a thing that goes on
    over two lines.
    """

    def method(self):
        """Whether it is open."""

    def _private(self):
        """How it is open."""

def right():
    """However long, a sentence: with a colon.

    What follows is free.
    """
    def inner():
        """Which one."""

def bare(): ...
'''


def test_the_checker_finds_every_kind_of_violation():
    expected = [
        "line 1, module: opens with a question word",
        "line 4, long: the first line has 100 characters",
        "line 7, Open: the first line is not a whole sentence",
        "line 12, Open.method: opens with a question word",
    ]
    found = violations(SAMPLE.replace("{long}", "x" * 99))
    assert len(found) == len(expected)
    assert all(text.startswith(start) for text, start in zip(found, expected, strict=True))
    assert len(violations(SAMPLE.replace("{long}", "x" * 98))) == len(expected) - 1
