"""What benchmarks and the scripts of the documentation import exists: no type checker reads them, and most have no other test."""

import ast
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted(path for folder in ("benchmarks", "docs") for path in (ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_imported_names_of_the_package_exist(path: Path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "lfw_jax":
            module = importlib.import_module(node.module)
            for name in node.names:
                if not hasattr(module, name.name):  # else it is a module of a package
                    importlib.import_module(f"{node.module}.{name.name}")
