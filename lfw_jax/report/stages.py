"""How far a long look through a data set is: a bar on a terminal, a line now and then in a log file."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

_LINE_SECONDS = 10.0


@contextmanager
def stage(
    name: str, total: int, *, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic
) -> Iterator[Callable[[int], None]]:
    """Announce a stage; what it gives is told how many of `total` are done.

    On a terminal this is a bar that goes away when the stage ends. Elsewhere it is a line each ten seconds, so that what
    is done sooner says nothing.

    Args:
      name: what is being done.
      total: how many images; 0 where it cannot be counted.
      stream: where to write; standard error by default, so that results on standard output can be piped.
      clock: seconds that only grow.
    """
    output = sys.stderr if stream is None else stream
    console = Console(file=output)
    # Not `console.is_terminal`: CI services set FORCE_COLOR, and a bar in a log file is a thousand lines.
    if output.isatty() and not console.is_dumb_terminal:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task(name, total=total or None)
            yield lambda done: bar.update(task, completed=done)
        return
    shown_at = clock()

    def say(done: int) -> None:
        nonlocal shown_at
        if (now := clock()) - shown_at >= _LINE_SECONDS:
            shown_at = now
            print(f"{name}: {done:,} of {total:,}", file=output, flush=True)

    yield say
