"""The progress line, timed by a clock that the test moves."""

import io
import re
from itertools import pairwise

import pytest

from lfw_jax.report.progress import Progress, stage


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class Terminal(io.StringIO):
    def isatty(self):
        return True


def train(progress, clock, steps, seconds, **scalars):
    for step in steps:
        clock.now += seconds
        progress.update(step, loss=1 / step, **scalars)


def test_plain_lines_show_step_loss_rate_and_time_left():
    stream, clock = io.StringIO(), Clock()
    with Progress(100, batch_size=64, stream=stream, clock=clock) as progress:
        clock.now += 90  # compilation
        train(progress, clock, range(1, 51), seconds=2.0, epoch=1.5)
    first, *_, last = stream.getvalue().splitlines()
    assert first == "step   1/100    1 %  epoch 1.5  loss 1.000"
    assert last == "step  50/100   50 %  epoch 1.5  loss 0.020  32 images/s  1:40 left"


def test_lines_are_at_least_ten_seconds_apart_and_the_last_step_is_always_shown():
    stream, clock = io.StringIO(), Clock()
    with Progress(1000, batch_size=8, stream=stream, clock=clock) as progress:
        train(progress, clock, range(1, 1001), seconds=0.1)
    steps = [int(line.split("/")[0].removeprefix("step")) for line in stream.getvalue().splitlines()]
    assert steps[0] == 1
    assert steps[-1] == 1000
    assert 8 <= len(steps) <= 12
    assert all(after - before >= 99 for before, after in pairwise(steps[:-1]))


def test_a_long_run_speaks_once_a_minute():
    stream, clock = io.StringIO(), Clock()
    with Progress(10**6, batch_size=8, stream=stream, clock=clock) as progress:
        train(progress, clock, range(1, 601), seconds=1.0)
    assert 10 <= len(stream.getvalue().splitlines()) <= 12


def test_a_run_that_breaks_off_still_shows_its_last_step():
    stream, clock = io.StringIO(), Clock()

    def breaks_off():
        with Progress(100, batch_size=8, stream=stream, clock=clock) as progress:
            train(progress, clock, range(1, 4), seconds=1.0)
            raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        breaks_off()
    assert stream.getvalue().splitlines()[-1].startswith("step   3/100")


def test_the_rate_leaves_out_compilation_and_a_validation_but_the_time_left_counts_pauses():
    clock = Clock()
    progress = Progress(100, batch_size=100, stream=io.StringIO(), clock=clock)
    assert progress.images_per_second is None
    clock.now += 500
    progress.update(1, loss=1.0)
    assert progress.images_per_second is None
    assert progress.seconds_left is None
    train(progress, clock, range(2, 11), seconds=0.5)
    clock.now += 50
    train(progress, clock, range(11, 21), seconds=0.5)
    assert progress.images_per_second == pytest.approx(200.0)
    assert progress.seconds_left == pytest.approx((50 + 19 * 0.5) / 19 * 80)


def test_a_resumed_run_counts_its_own_steps_and_updates_may_skip_some():
    clock = Clock()
    progress = Progress(1000, batch_size=10, start_step=500, stream=io.StringIO(), clock=clock)
    train(progress, clock, range(510, 561, 10), seconds=5.0)
    assert progress.images_per_second == pytest.approx(20.0)
    assert progress.seconds_left == pytest.approx(440 * 0.5)


def test_no_plain_line_is_wider_than_80_columns():
    stream, clock = io.StringIO(), Clock()
    scalars = {f"a_long_metric_{i}": 1e-7 * i for i in range(9)}
    with Progress(10**7, batch_size=4096, stream=stream, clock=clock) as progress:
        train(progress, clock, range(1, 200), seconds=61.0, epoch=1234.5, **scalars)
    lines = stream.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert any("a_long_metric_0" in line for line in lines)


def test_a_note_is_a_line_of_its_own():
    stream = io.StringIO()
    with Progress(10, batch_size=1, stream=stream, clock=Clock()) as progress:
        progress.note("saved [step 5] to runs/a")
        progress.update(1, loss=0.5)
    assert stream.getvalue().splitlines()[0] == "saved [step 5] to runs/a"


def test_on_a_terminal_the_bar_fits_one_line_and_notes_keep_their_brackets(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    stream, clock = Terminal(), Clock()
    with Progress(12_000, batch_size=128, stream=stream, clock=clock) as progress:
        train(progress, clock, range(1, 6001), seconds=1.4, epoch=12.5, active_pairs=0.25, norm=12.0)
        progress.note("saved [step 6000]")
    painted = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue()).replace("\r", "\n").splitlines()
    assert any("saved [step 6000]" in line for line in painted)
    final = [line for line in painted if "6000/12000" in line][-1]
    for fact in ("epoch 12.5", "loss 1.67e-04", "91 images/s", "2:20:00 left", "━"):
        assert fact in final
    assert max(map(len, painted)) <= 80


def test_a_dumb_terminal_gets_plain_lines(monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    stream = Terminal()
    with Progress(2, batch_size=1, stream=stream, clock=Clock()) as progress:
        progress.update(2, loss=float("nan"))
    assert stream.getvalue() == "step 2/2  100 %  loss nan\n"


def test_a_stage_in_a_log_file_gets_a_line_each_ten_seconds():
    stream, now = io.StringIO(), iter([0.0, 5.0, 11.0, 12.0, 30.0])
    with stage("reading headers", 4000, stream=stream, clock=lambda: next(now)) as report:
        for done in (1000, 2000, 3000, 4000):
            report(done)
    assert stream.getvalue() == "reading headers: 2,000 of 4,000\nreading headers: 4,000 of 4,000\n"


def test_a_stage_on_a_terminal_gets_a_bar_that_goes_away():
    stream = Terminal()
    with stage("reading headers", 4000, stream=stream) as report:
        report(4000)
    assert "4000/4000" in stream.getvalue()
