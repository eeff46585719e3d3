"""Progress of training and of passes over a data set, on a terminal or in a log file."""

import io
import statistics
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self, TextIO, cast

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress
from rich.table import Column

_LINE_WIDTH = 80
_WINDOW = 32
_PAINT_SECONDS = 0.1
_LINE_SECONDS = 10.0
_QUIET_SECONDS = 60.0
_LINE_SHARE = 0.05


class _Nowhere(io.TextIOBase):
    """A stream that drops what is written to it."""

    def write(self, text: str, /) -> int:
        return len(text)


_silent = False


@contextmanager
def silent_progress() -> Iterator[None]:
    """Show no progress on standard error while the `with` block runs."""
    global _silent
    before, _silent = _silent, True
    try:
        yield
    finally:
        _silent = before


def _standard_stream() -> TextIO:
    return cast(TextIO, _Nowhere()) if _silent else sys.stderr


class Progress:
    """Progress of training: the step, the loss, images per second and the remaining time.

    Use it in a `with` block. On a terminal it is a bar. Elsewhere it prints lines of at most 80 columns: for the first and the
    last step, and in between for each 5 % of the steps, or each minute if 5 % take longer, but at most one in 10 seconds.

    Args:
      total_steps: the step at which training ends.
      batch_size: images per step, over all devices.
      start_step: the step from which training resumes.
      stream: the stream to write to; standard error by default, so that results on standard output can be piped.
      clock: returns the time in seconds, monotonically.
    """

    def __init__(
        self,
        total_steps: int,
        *,
        batch_size: int,
        start_step: int = 0,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._total, self._batch_size, self._clock = total_steps, batch_size, clock
        self._step = start_step
        self._first: tuple[float, int] | None = None
        self._latest = 0.0
        self._seconds_per_step: deque[float] = deque(maxlen=_WINDOW)
        self._shown_at, self._shown_step, self._is_shown = float("-inf"), start_step, True
        self._loss, self._epoch = "", ""
        self._extras: list[str] = []
        self._stream = _standard_stream() if stream is None else stream
        console = Console(file=self._stream)
        # Not `console.is_terminal`, which FORCE_COLOR sets on CI services: a bar in a log file would be a thousand lines.
        self._bar = _bar(console) if self._stream.isatty() and not console.is_dumb_terminal else None
        if self._bar:
            self._task = self._bar.add_task(
                self._counter(), total=total_steps, completed=start_step, facts="waiting for the first step"
            )

    def __enter__(self) -> Self:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._is_shown:
            self._show(self._clock())
        if self._bar:
            self._bar.stop()

    @property
    def images_per_second(self) -> float | None:
        """The rate of the latest steps, without compilation and validation; None before the second update.

        Time is measured from the end of the first update, which includes the compilation. The rate is the median of the latest
        updates, so that single long ones (with a validation or a checkpoint) do not count.
        """
        if not self._seconds_per_step:
            return None
        return self._batch_size / max(statistics.median(self._seconds_per_step), 1e-9)

    @property
    def seconds_left(self) -> float | None:
        """The remaining seconds at the mean rate so far, pauses included; None before the second update."""
        if self._first is None or self._step <= self._first[1]:
            return None
        started, first_step = self._first
        return (self._latest - started) / (self._step - first_step) * max(self._total - self._step, 0)

    def update(self, step: int, *, loss: float, epoch: float | None = None, **scalars: float) -> None:
        """Report a finished step.

        Args:
          step: the number of finished steps.
          loss: the latest loss.
          epoch: the number of finished epochs.
          **scalars: further values to show, by name.
        """
        now = self._clock()
        if self._first is None:
            self._first = (now, step)
        elif step > self._step:
            self._seconds_per_step.append((now - self._latest) / (step - self._step))
        self._step, self._latest, self._is_shown = step, now, False
        self._loss, self._epoch = f"loss {_short(loss)}", "" if epoch is None else f"epoch {epoch:.1f}"
        self._extras = [f"{name} {_short(value)}" for name, value in scalars.items()]
        if self._is_due(now):
            self._show(now)

    def note(self, text: str) -> None:
        """Print a line of text, above the bar if there is one."""
        if self._bar:
            self._bar.console.print(text, markup=False, highlight=False)
        else:
            print(text, file=self._stream, flush=True)

    def _is_due(self, now: float) -> bool:
        if self._step >= self._total:
            return True
        waited = now - self._shown_at
        if self._bar:
            return waited >= _PAINT_SECONDS
        moved = (self._step - self._shown_step) / max(self._total, 1)
        return waited >= _QUIET_SECONDS or (waited >= _LINE_SECONDS and moved >= _LINE_SHARE)

    def _show(self, now: float) -> None:
        self._shown_at, self._shown_step, self._is_shown = now, self._step, True
        facts = [self._loss]
        if (rate := self.images_per_second) is not None:
            facts.append(f"{rate:,.0f} images/s" if rate >= 10 else f"{rate:.1f} images/s")
        if (left := self.seconds_left) is not None:
            facts.append(f"{_clock_time(left)} left")
        counter = self._counter()
        if self._bar:
            # Ten columns and two gaps are reserved for the bar.
            room = self._bar.console.width - len(counter) - 12
            self._bar.update(self._task, completed=self._step, description=counter, facts=self._fitted([], facts, room))
        else:
            start = [counter, f"{100 * self._step / max(self._total, 1):3.0f} %"]
            print(self._fitted(start, facts, _LINE_WIDTH), file=self._stream, flush=True)

    def _fitted(self, start: list[str], facts: list[str], width: int) -> str:
        """Join the required parts with the epoch and the extras, as far as they fit."""
        line = "  ".join([*start, *filter(None, [self._epoch]), *facts])
        if len(line) > width:
            line = "  ".join([*start, *facts])
        for extra in self._extras:
            if len(line) + 2 + len(extra) <= width:
                line += f"  {extra}"
        return line

    def _counter(self) -> str:
        return f"step {self._step:{len(str(self._total))}d}/{self._total}"


@contextmanager
def stage(
    name: str, total: int, *, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic
) -> Iterator[Callable[[int], None]]:
    """Show the progress of a stage of work.

    On a terminal this is a bar that disappears at the end of the stage. Elsewhere it is a line every ten seconds, so that shorter
    stages print nothing.

    Args:
      name: the name of the stage.
      total: the number of images; 0 if unknown.
      stream: the stream to write to; standard error by default, so that results on standard output can be piped.
      clock: returns the time in seconds, monotonically.

    Yields:
      A function that takes the number of finished images.
    """
    output = _standard_stream() if stream is None else stream
    console = Console(file=output)
    # Not `console.is_terminal`, which FORCE_COLOR sets on CI services: a bar in a log file would be a thousand lines.
    if output.isatty() and not console.is_dumb_terminal:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with RichProgress(*columns, console=console, transient=True) as bar:
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


def _bar(console: Console) -> RichProgress:
    return RichProgress(
        TextColumn("{task.description}", table_column=Column(no_wrap=True)),
        BarColumn(bar_width=None, table_column=Column(ratio=1, min_width=4)),
        TextColumn("{task.fields[facts]}", markup=False, table_column=Column(no_wrap=True)),
        console=console,
        expand=True,
        refresh_per_second=4,
    )


def _short(value: float) -> str:
    return f"{value:.3f}" if value == 0 or 1e-2 <= abs(value) < 1e4 else f"{value:.2e}"


def _clock_time(seconds: float) -> str:
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"
