"""Text for the terminal: no name of a file moves the cursor, changes a colour or begins a line."""

from lfw_jax.report.terminal_text import printable


def test_names_with_terminal_commands_and_bytes_that_are_no_text_are_written_as_escapes():
    assert printable({"a\x1b[31m": ["b\n", "名前 ü", "c\udcff", 3, None]}) == {
        "a\\x1b[31m": ["b\\n", "名前 ü", "c\\udcff", 3, None]
    }
