"""Exceptions that no job reports become one sentence."""

import errno
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from lfw_jax.jobs import unexpected

COMMAND = ["launch.py", "--config=quickstart", "--input=a folder"]


def raised(error: Exception, cause: Exception | None = None) -> Exception:
    try:
        raise error from cause
    except Exception as caught:
        return caught


def test_a_fault_of_the_program_is_saved_with_its_command_and_versions(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    sentence, code = unexpected.explain(raised(KeyError("places\nmore")), COMMAND)
    assert code == 70
    found = re.fullmatch(
        r"unexpected error, a fault of this program \(KeyError: .*\)\. The traceback is in (\S+); please report it with "
        r"that file\.",
        sentence,
    )
    assert found
    saved = Path(found[1]).read_text(encoding="utf-8")
    assert "command: launch.py --config=quickstart '--input=a folder'\n" in saved
    assert re.search(r"^jax: \d", saved, re.MULTILINE)
    assert "Traceback (most recent call last):" in saved
    assert "in raised" in saved


def test_without_a_temporary_folder_the_traceback_is_printed(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    sentence, code = unexpected.explain(raised(RuntimeError("oh")), COMMAND)
    assert code == 70
    assert sentence.endswith("Please report it with the traceback above.")
    assert "RuntimeError: oh" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        (errno.ENOSPC, "Free some space"),
        (errno.EROFS, "Choose a folder that can be written"),
        (errno.EACCES, "Give yourself the permission, or choose another folder"),
    ],
)
def test_the_system_s_refusals_are_no_faults_of_the_program(code, remedy):
    direct = raised(OSError(code, os.strerror(code), "/data/runs"))
    expected = f"{os.strerror(code)}. {remedy}; the same command goes on where this one stopped."
    assert unexpected.explain(direct, COMMAND) == (f"/data/runs: {expected}", 2)
    assert unexpected.explain(raised(ValueError("saving failed"), direct), COMMAND) == (f"/data/runs: {expected}", 2)
    in_words = raised(ValueError(f"INTERNAL: Error writing local file: [{os.strerror(code)}]"))
    assert unexpected.explain(in_words, COMMAND) == (expected, 2)


def test_a_pipe_that_is_read_has_a_reader_and_gets_no_text_from_the_question():
    code = "from lfw_jax.jobs import unexpected; assert not unexpected.reader_is_gone()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
