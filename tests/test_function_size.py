"""No function of the package has more than 50 lines of code.

Docstrings, comments and blank lines of functions do not count. Ruff limits their complexity (C901 in pyproject.toml).
"""

import ast
import io
import tokenize
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "lfw_jax"
FILES = sorted(PACKAGE.rglob("*.py"))
MOST_LINES_OF_FUNCTION = 50
_NO_CODE = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


def lines_of_code(source: str) -> dict[str, int]:
    """Return the lines of code of each function, by its name and line."""
    tree = ast.parse(source)
    code: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in _NO_CODE:
            code.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            and ast.get_docstring(node) is not None
        ):
            docstring = node.body[0]
            code.difference_update(range(docstring.lineno, (docstring.end_lineno or docstring.lineno) + 1))
    return {
        f"{node.name}, line {node.lineno}": len(code & set(range(node.lineno, (node.end_lineno or node.lineno) + 1)))
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def test_docstrings_comments_and_blank_lines_are_not_code():
    source = '''
def outer(
    one,
):
    """Return something.

    Args:
      one: a number.
    """

    # a comment
    def inner():
        """Return it."""
        return one  # with a comment

    return """two
    lines"""
'''
    assert lines_of_code(source) == {"outer, line 2": 7, "inner, line 12": 2}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_no_function_has_more_than_50_lines_of_code(path: Path):
    sizes = lines_of_code(path.read_text(encoding="utf-8"))
    assert {name: size for name, size in sizes.items() if size > MOST_LINES_OF_FUNCTION} == {}
