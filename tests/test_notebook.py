"""The tour in docs/using.ipynb runs from the first cell to the last, and is stored without outputs."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "docs" / "using.ipynb"

# A process of its own: the clients of Jupyter warn of themselves, and warnings are errors in these tests.
EXECUTE = """
import sys
import nbformat
from nbclient import NotebookClient

notebook = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(notebook, timeout=900, kernel_name="python3", resources={"metadata": {"path": sys.argv[2]}}).execute()
nbformat.write(notebook, sys.argv[3])
"""


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> nbformat.NotebookNode:
    folder = tmp_path_factory.mktemp("notebook")
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-c", EXECUTE, NOTEBOOK, folder, folder / "executed.ipynb"],
        env=os.environ | {"PYTHONPATH": path, "IPYTHONDIR": str(folder / "ipython"), "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not list(folder.glob("lfw_jax_tour_*"))  # it tidies up
    return nbformat.read(folder / "executed.ipynb", as_version=4)


def outputs(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def test_it_is_stored_without_outputs_and_valid():
    stored = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(stored)
    assert outputs(stored) == []
    assert all(cell.execution_count is None for cell in stored.cells if cell.cell_type == "code")
    assert NOTEBOOK.stat().st_size < 30_000


def test_it_links_to_pages_that_exist():
    text = "\n".join(
        cell.source for cell in nbformat.read(NOTEBOOK, as_version=4).cells if cell.cell_type == "markdown"
    )
    links = [part.partition(")")[0] for part in text.split("](")[1:]]
    assert links
    assert [link for link in links if not (NOTEBOOK.parent / link).is_file()] == []


def test_every_cell_runs_and_none_writes_to_standard_error(executed: nbformat.NotebookNode):
    assert [output for output in outputs(executed) if output.get("name") == "stderr"] == []
    text = "".join(output.text for output in outputs(executed) if output.output_type == "stream")
    assert "probability of one identity" in text
    assert "bcubed" in text
    assert "must not decide about people without their consent" in text
    pictures = [output for output in outputs(executed) if "image/png" in output.get("data", {})]
    assert len(pictures) == 6
