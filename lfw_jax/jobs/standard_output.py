"""The standard output of a job: text, one JSON document (`--json`), or nothing (`--quiet`)."""

import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

Deliver = Callable[[Any], None]
"""Takes the result of a job as dicts, lists and scalars."""


def ignored(_: Any) -> None:
    """Take the result of a job without writing it."""


@contextlib.contextmanager
def standard_output(*, quiet: bool, as_json: bool) -> Iterator[Deliver]:
    """Direct what a job prints, and yield the function that takes its result.

    With `as_json`, standard output receives the result as one JSON document at the end, also if an error follows the result, and
    all text goes to standard error. With `quiet`, text and progress are dropped. Errors reach standard error in any case. The
    file descriptor is directed, so that the text of native code and of child processes goes the same way.

    Args:
      quiet: true to drop text and progress.
      as_json: true to write the result.
    """
    if not (quiet or as_json):
        yield ignored
        return
    results: list[Any] = []
    sys.stdout.flush()
    standard, saved = sys.stdout, os.dup(1)
    try:
        with contextlib.ExitStack() as stack:
            if quiet:
                from lfw_jax.report.progress import silent_progress  # here, because help and errors do not need it

                text = stack.enter_context(open(os.devnull, "w", encoding="utf-8"))
                stack.enter_context(silent_progress())
            else:
                text = sys.stderr
            os.dup2(text.fileno() if quiet else 2, 1)
            stack.enter_context(contextlib.redirect_stdout(text))
            yield results.append
    finally:
        os.dup2(saved, 1)
        os.close(saved)
        if as_json and results:
            standard.write(json.dumps(results[-1], indent=2) + "\n")
            standard.flush()
