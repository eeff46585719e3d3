"""Resuming with a changed configuration: what may change, what is recorded, and what the refusals advise."""

import json
from pathlib import Path

import pytest

from configs import base
from lfw_jax.errors import UserError
from lfw_jax.jobs.config_changes import check_changes, record_changes, recorded_changes
from lfw_jax.jobs.workdir import Workdir

ALLOW = {"training.resume_with_changes": True}
RATE, EPOCHS = "config.optimizer.learning_rate", "config.training.epochs"


def config(**changes):
    found = base.get_config()
    found.training.epochs = 10.0
    found.update_from_flattened_dict(changes)
    return found


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    Workdir(tmp_path / "run", config()).begin()
    return tmp_path / "run"


def test_a_lower_learning_rate_is_refused_with_the_key_that_allows_it(begun: Path):
    with pytest.raises(
        UserError, match=r"learning_rate was 0.001, now 0.0001.*--config.training.resume_with_changes=True"
    ):
        Workdir(begun, config(**{"optimizer.learning_rate": 1e-4}))


def test_what_cannot_change_is_refused_with_what_can(begun: Path):
    with pytest.raises(
        UserError, match=r"clip_norm.*only config.optimizer.learning_rate and config.training.epochs can"
    ):
        Workdir(begun, config(**ALLOW, **{"optimizer.clip_norm": 1.0, "optimizer.learning_rate": 1e-4}))


def test_changes_are_recorded_and_become_the_configuration_of_the_folder(begun: Path):
    slower, longer = {"optimizer.learning_rate": 1e-4}, {"training.epochs": 20.0}
    Workdir(begun, config(**ALLOW, **slower)).begin(step=7)
    Workdir(begun, config(**slower)).begin(step=8)  # the switch itself is no change
    Workdir(begun, config(**ALLOW, **slower, **longer)).begin(step=9)
    lines = (begun / "config_changes.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"step": 7, "key": RATE, "old": 1e-3, "new": 1e-4},
        {"step": 9, "key": EPOCHS, "old": 10.0, "new": 20.0},
    ]
    with pytest.raises(UserError, match=r"learning_rate was 0\.0001, now 0\.001"):
        Workdir(begun, config(**longer))


def test_recorded_changes_are_notes_and_a_damaged_record_is_named(tmp_path: Path):
    path = tmp_path / "changes"
    assert recorded_changes(path) == ()
    record_changes(path, {RATE: (0.001, 0.0003)}, step=40)
    assert recorded_changes(path) == (f"resumed at step 40 with {RATE} 0.0003, before 0.001",)
    for damaged in ("{", "[]", '{"step": 4}'):
        path.write_text(damaged)
        with pytest.raises(UserError, match=r"changes: cannot be read as changes.*Remove the damaged line"):
            recorded_changes(path)


def test_a_change_whose_run_was_killed_before_it_was_applied_is_recorded_once(tmp_path: Path):
    for _ in range(2):
        record_changes(tmp_path / "changes", {RATE: (1, 2), EPOCHS: (3.0, 4.0)}, step=5)
    assert len((tmp_path / "changes").read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("optimizer", "step"), [({"decay": "none"}, 95), ({"constant_epochs": 4.0, "warmup_epochs": 1.0}, 50), ({}, 0)]
)
def test_training_can_become_longer_while_the_schedule_does_not_depend_on_its_length(optimizer: dict, step: int):
    changed = config(**{f"optimizer.{key}": value for key, value in optimizer.items()}, **{"training.epochs": 12.0})
    check_changes({EPOCHS: (10.0, 12.0)}, changed, step=step, steps_per_epoch=10)


@pytest.mark.parametrize(
    ("changes", "epochs", "step", "words"),
    [
        ({EPOCHS: (10.0, 12.0)}, 12.0, 50, r"epochs is 12, was 10; after 5 epochs the cosine decay.*another --workdir"),
        ({EPOCHS: (10.0, 8.0)}, 8.0, 0, r"epochs is 8, was 10; .*only become longer.*another --workdir"),
        (
            {RATE: (1e-3, 1e-4)},
            10.0,
            100,
            r"learning_rate changed, but training is complete at step 100.*another --workdir",
        ),
    ],
)
def test_other_changes_are_refused(changes: dict, epochs: float, step: int, words: str):
    with pytest.raises(UserError, match=words):
        check_changes(changes, config(**{"training.epochs": epochs}), step=step, steps_per_epoch=10)
