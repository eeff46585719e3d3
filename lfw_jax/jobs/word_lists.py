"""Lists of words in messages."""

from collections.abc import Sequence


def listed(words: Sequence[str]) -> str:
    """Return words as in "a, b and c".

    Args:
      words: the words, at least one.
    """
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last
