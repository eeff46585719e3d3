"""Text for the terminal: no name of a file moves the cursor, changes a colour or begins a line."""

import ast
import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lfw_jax.data.images import Skipped
from lfw_jax.faces.align_set import Aligned
from lfw_jax.faces.manifest import Row, Rows
from lfw_jax.jobs.align import counted, summary
from lfw_jax.jobs.network_run import print_notes_of
from lfw_jax.report.terminal_text import print_lines, print_notes, printable

JOBS = Path(__file__).parents[2] / "lfw_jax" / "jobs"
HOSTILE = "\x1b]0;title\x07\x1b[31mred\n\r\x9b2J\u2028\udcff"
HARMLESS = "\\x1b]0;title\\x07\\x1b[31mred\\n\\r\\x9b2J\\u2028\\udcff"


def test_names_with_terminal_commands_and_bytes_that_are_no_text_are_written_as_escapes():
    assert printable({"a\x1b[31m": ["b\n", "名前 ü", "c\udcff", 3, None]}) == {
        "a\\x1b[31m": ["b\\n", "名前 ü", "c\\udcff", 3, None]
    }


def test_each_line_is_one_line(capsys: pytest.CaptureFixture[str]):
    print_lines(f"one {HOSTILE}", "two")
    assert capsys.readouterr().out == f"one {HARMLESS}\ntwo\n"


def test_training_escapes_what_it_prints_of_the_data(capsys: pytest.CaptureFixture[str]):
    skipped = (Skipped(HOSTILE, "a broken JPEG"),)
    experiment: Any = SimpleNamespace(
        sampler=SimpleNamespace(describe=lambda: "a sampler"),
        objective=SimpleNamespace(describe="a loss"),
        split=SimpleNamespace(notes=(f"1 identity is excluded: {HOSTILE}",), source=SimpleNamespace(skipped=skipped)),
    )
    print_notes_of(experiment)
    *_, note, last = capsys.readouterr().out.splitlines()
    assert note == f"1 identity is excluded: {HARMLESS}"
    assert last == f"1 file was skipped as not readable, the first: {HARMLESS}: a broken JPEG"


def test_alignment_escapes_what_it_prints_of_the_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    rows = Rows([Row("", HOSTILE.replace("\n", " ").replace("\r", " "), None, 0, "a broken JPEG")])
    done = Aligned(rows, 1, 0, 2, [HOSTILE], 1.0)
    print_lines(*summary(counted(done, tmp_path / HOSTILE, ["contact_sheet.png"])))
    printed = capsys.readouterr().out
    assert not set(printed) & set("\x1b\x07\r\x9b\u2028\udcff")
    assert len(printed.splitlines()) == 7


@pytest.mark.parametrize("path", sorted(JOBS.glob("*.py")), ids=lambda path: path.name)
def test_jobs_print_by_print_lines_only(path: Path):
    functions = [
        node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.FunctionDef)
    ]
    callers = {
        function.name
        for function in functions
        for node in ast.walk(function)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    }
    assert callers <= {"_print_help"}  # which prints no names of files


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_notes_are_wrapped_between_words_on_a_terminal_only(monkeypatch):
    note = (
        "only 9 identities are held out, so the threshold depends on their choice: raise --config.data.validation_people "
        * 2
    )
    for columns in ("40", "200"):
        monkeypatch.setenv("COLUMNS", columns)
        terminal, pipe = Terminal(), io.StringIO()
        print_notes(note.strip(), "second\x1b", file=terminal)
        print_notes(note.strip(), file=pipe)
        lines = terminal.getvalue().splitlines()
        assert max(map(len, lines)) <= min(80, int(columns))
        assert " ".join(lines) == f"{note}second\\x1b"
        assert pipe.getvalue() == note.strip() + "\n"
