"""The series of trainings: what it runs, within which time, and what it keeps."""

import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from benchmarks.series import __main__ as series
from benchmarks.series import runner
from benchmarks.series.runner import FAILED, FINISHED, KEPT, LEAST, PAUSED, RESERVE, WAITING, run_series
from benchmarks.series.runs import Run, changed_keys, is_finished, progress_of, runs_of
from lfw_jax.configs import ablation, cpu
from lfw_jax.errors import UserError
from tests.evaluation.compared_folders import write_compared_run

EPOCHS = {"training": {"epochs": 2.0}}  # what the history of `write_compared_run` has
MINUTE = 60.0


def write_begun(folder: Path, epochs: float) -> Path:
    """A training that paused."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(EPOCHS))
    (folder / "history.jsonl").write_text(
        json.dumps({"step": round(10 * epochs), "epoch": epochs, "seconds": 1.0}) + "\n"
    )
    return folder


class Machine:
    """A clock, and trainings that take time on it instead of being done: `minutes` each, or as many as they are given."""

    def __init__(self, minutes: dict[str, float], fails: tuple[str, ...] = ()):
        self.now, self.minutes, self.fails, self.calls = 1000.0, dict(minutes), fails, []

    def clock(self) -> float:
        return self.now

    def train(self, run: Run, seconds: float) -> int:
        self.calls.append((run.name, seconds))
        if run.name in self.fails:
            self.now += 5
            runner.log_of(run).write_text("notes\nlaunch.py: found no folder /there\n")
            return 2
        need = MINUTE * self.minutes[run.name]
        done = min(need, seconds)
        self.now += done + RESERVE / 2
        self.minutes[run.name] -= done / MINUTE
        if done < need:
            write_begun(run.folder, 1.0)
            return 0
        for path in sorted(run.folder.glob("*")):
            path.unlink()
        if run.folder.exists():
            run.folder.rmdir()
        write_compared_run(run.folder, seed=0, config=EPOCHS)
        return 0


def sitting(machine: Machine, runs: list[Run], minutes: float) -> dict[str, str]:
    machine.calls.clear()
    outcomes = run_series(
        runs, machine.train, deadline=machine.now + MINUTE * minutes, clock=machine.clock, say=lambda _: None
    )
    return {outcome.run.name: outcome.state for outcome in outcomes}


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Run]:
    monkeypatch.setattr(runner, "changed_keys", lambda *_: [])
    (tmp_path / "out").mkdir()
    return [Run(f"ablation/{name}", tmp_path / "out" / name) for name in ("a", "b", "c")]


def test_several_sittings_do_each_run_once_and_resume_the_one_that_the_time_ended(runs: list[Run]):
    machine = Machine({"a": 10, "b": 10, "c": 10})
    assert sitting(machine, runs, 20) == {"a": FINISHED, "b": PAUSED, "c": WAITING}
    assert [name for name, _ in machine.calls] == ["a", "b"]
    assert sitting(machine, runs, 8) == {"a": KEPT, "b": FINISHED, "c": WAITING}
    assert [name for name, _ in machine.calls] == ["b"]
    assert sitting(machine, runs, 30) == {"a": KEPT, "b": KEPT, "c": FINISHED}
    assert sitting(machine, runs, 30) == {"a": KEPT, "b": KEPT, "c": KEPT}
    assert machine.calls == []


@pytest.mark.parametrize("minutes", [0, 1, 3, 7, 20, 33])
def test_no_sitting_takes_longer_than_its_minutes(runs: list[Run], minutes: float):
    machine = Machine({"a": 10, "b": 10, "c": 10})
    began = machine.now
    sitting(machine, runs, minutes)
    assert machine.now - began <= MINUTE * minutes
    assert all(seconds >= LEAST for _, seconds in machine.calls)


def test_a_run_starts_if_there_is_time_for_a_part_of_it(runs: list[Run]):
    enough = (RESERVE + LEAST) / MINUTE
    machine = Machine({"a": 10, "b": 10, "c": 10})
    assert set(sitting(machine, runs, enough - 0.01).values()) == {WAITING}
    assert sitting(machine, runs, enough)["a"] == PAUSED


def test_a_failed_run_costs_no_other_and_says_why(runs: list[Run]):
    machine = Machine({"a": 1, "b": 1, "c": 1}, fails=("b",))
    outcomes = run_series(runs, machine.train, deadline=machine.now + 3600, clock=machine.clock, say=lambda _: None)
    assert [outcome.state for outcome in outcomes] == [FINISHED, FAILED, FINISHED]
    assert outcomes[1].note == "launch.py: found no folder /there"
    table = series.table(outcomes)
    assert "2 finished, 1 left; the same command goes on" in table
    assert max(map(len, table.splitlines())) <= 80


def test_a_run_that_sigterm_ended_is_paused(runs: list[Run]):
    def train(run: Run, seconds: float) -> int:
        del seconds
        write_begun(run.folder, 0.5)
        return 128 + signal.SIGTERM

    (outcome, *_) = run_series(runs, train, deadline=1e9, clock=lambda: 0.0, say=lambda _: None)
    assert (outcome.state, outcome.note) == (PAUSED, "25 % trained")


def test_only_a_training_that_reached_its_end_and_was_evaluated_is_finished(tmp_path: Path):
    run = Run("ablation/a", tmp_path / "a")
    assert not is_finished(run)
    assert progress_of(run) == 0.0
    write_begun(run.folder, 2.0)
    assert not is_finished(run)
    assert progress_of(run) == 1.0
    early = Run("ablation/b", write_compared_run(tmp_path / "b", seed=0, config={"training": {"epochs": 4.0}}))
    assert not is_finished(early)  # evaluated although it paused after 2 epochs
    assert is_finished(Run("ablation/c", write_compared_run(tmp_path / "c", seed=0, config=EPOCHS)))


def test_a_finished_run_of_another_configuration_is_kept_and_named(tmp_path: Path):
    config = json.loads(ablation.baseline.get_config().to_json_best_effort())
    config["data"]["source"], config["loss"]["margin"] = "folder", 0.1
    run = Run("ablation/baseline", write_compared_run(tmp_path / "baseline", seed=0, config=config))
    assert changed_keys(run, ["--config.data.source=folder"]) == ["config.loss.margin"]
    config["loss"]["margin"], config["seed"] = 0.25, 3
    seeded = Run("ablation/baseline", write_compared_run(tmp_path / "seeded", seed=0, config=config), 3)
    assert changed_keys(seeded, ["--config.data.source=folder"]) == []


def test_folders_and_names_and_seeds_become_runs(tmp_path: Path):
    assert [run.config for run in runs_of(["ablation"], tmp_path)] == [f"ablation/{name}" for name in ablation.RUNS]
    runs = runs_of(["cpu", "cpu/arcface@2", "cpu/arcface"], tmp_path)
    assert [run.name for run in runs] == [*cpu.RUNS, "arcface_seed2"]
    assert runs[-1] == Run("cpu/arcface", tmp_path / "arcface_seed2", 2)


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["ablaton"], "found neither a file 'ablaton'"),
        (["cpu/arcface@one"], "expected a seed after @"),
        (["cpu/arcface", "arcface"], "arcface: two configurations have this name"),
    ],
)
def test_what_is_no_run_is_refused(texts: list[str], words: str, tmp_path: Path):
    with pytest.raises(UserError, match=words):
        runs_of(texts, tmp_path)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["cpu", "--minutes=1", "--out=x", "--config.data.dir", "LFW"],
            "found --config.data.dir, expected flags such as",
        ),
        (["cpu", "--minutes=1", "--out=x", "--workdir=y"], "found --workdir=y"),
        (["cpu", "--minutes=1", "--out=x", "--config.training.max_minutes=3"], "expected --minutes"),
        (["cpu", "--minutes=-1", "--out=x"], "expected a number of at least 0"),
    ],
)
def test_flags_that_would_be_lost_are_refused(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]):
    assert series.main(arguments) == 2
    assert words in capsys.readouterr().err


def test_without_time_finished_runs_are_compared(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    for index, name in enumerate(("baseline", "unaligned")):
        write_compared_run(tmp_path / name, seed=index, config=EPOCHS)
    assert series.main(["ablation", "--minutes=0", f"--out={tmp_path}"]) == 0
    said = capfd.readouterr().out
    assert f"2 finished, {len(ablation.RUNS) - 2} left" in said
    found = json.loads((tmp_path / "compare" / "compare.json").read_text())
    assert [run["name"] for run in found["runs"]] == ["baseline", "unaligned"]


def test_an_interruption_lets_the_run_save_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    program = tmp_path / "launch.py"
    program.write_text(
        "import pathlib, signal, sys, time\n"
        "here = pathlib.Path(__file__).parent\n"
        "def stop(*_):\n    (here / 'saved').touch()\n    sys.exit(143)\n"
        "signal.signal(signal.SIGTERM, stop)\n(here / 'began').touch()\ntime.sleep(60)\n"
    )
    monkeypatch.setattr(runner, "ROOT", tmp_path)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background

    def interrupt() -> None:
        while not (tmp_path / "began").exists():
            time.sleep(0.02)
        signal.raise_signal(signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    try:
        with pytest.raises(KeyboardInterrupt):
            runner.train_by_launch(Run("cpu/arcface", tmp_path / "out" / "arcface"), 30.0)
    finally:
        signal.signal(signal.SIGINT, before)
    assert (tmp_path / "saved").exists()
    log = runner.log_of(Run("cpu/arcface", tmp_path / "out" / "arcface")).read_text()
    assert "--config=cpu/arcface" in log
    assert "--config.training.max_minutes=0.500" in log


def test_a_process_that_ignores_sigterm_is_killed():
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout:
        process.stdout.readline()
        assert runner.end(process, patience=0.2) == -signal.SIGKILL
