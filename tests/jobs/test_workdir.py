"""The work directory: its history keeps rows, keys and order; files of an inspection do not occupy it."""

import json
from pathlib import Path

import pytest
from ml_collections import ConfigDict

from lfw_jax.configs import base
from lfw_jax.data.protocols.data_record import RECORD_SCHEMA, DataRecord, PartRecord
from lfw_jax.errors import UserError
from lfw_jax.jobs.workdir import INSPECTION, Workdir
from lfw_jax.training.history import HistoryRow

LINES = (
    '{"step": 1, "epoch": 0.5, "loss": 2.5, "learning_rate": 0.1}',
    '{"step": 2, "epoch": 1.0, "loss": 2.0, "learning_rate": 0.1, "images_per_second": 300.0}',
    '{"step": 2, "epoch": 1.0, "seconds": 4.25, "validation_accuracy": 0.75, "validation_auc": 0.8}',
    '{"step": 3, "epoch": 1.5, "seconds": 6.5}',
)


def workdir_with(folder: Path, *lines: str) -> Workdir:
    workdir = Workdir(folder, ConfigDict({"seed": 0}))
    workdir.begin()
    (folder / "history.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return workdir


def test_reading_and_writing_changes_no_byte(tmp_path: Path):
    workdir = workdir_with(tmp_path / "run", *LINES)
    rows = workdir.history(3)
    assert rows[0] == HistoryRow(1, epoch=0.5, loss=2.5, learning_rate=0.1)
    assert rows[2] == HistoryRow(2, epoch=1.0, seconds=4.25, validation_accuracy=0.75, validation_auc=0.8)
    before = (tmp_path / "run" / "history.jsonl").read_bytes()
    workdir.write_history(rows)
    assert (tmp_path / "run" / "history.jsonl").read_bytes() == before


def test_the_history_ends_at_the_given_step_and_skips_an_unfinished_line(tmp_path: Path):
    workdir = workdir_with(tmp_path / "run", *LINES[:3], '{"step": 2, "ep')
    assert [row.step for row in workdir.history(2)] == [1, 2, 2]
    assert [row.step for row in workdir.history(1)] == [1]
    assert Workdir(tmp_path / "other", ConfigDict({"seed": 0})).history(9) == []


def test_a_damaged_row_is_named(tmp_path: Path):
    workdir = workdir_with(tmp_path / "run", LINES[0], json.dumps({"epoch": 1.0}))
    with pytest.raises(UserError, match=r"history\.jsonl, row 2: found no key step"):
        workdir.history(3)


@pytest.mark.parametrize("line", ["[1, 2]", "7", "null", '{"step": 1, "ep', "\x00\x00", "[" * 100_000])
def test_a_damaged_line_before_the_last_is_named_and_a_damaged_last_line_is_dropped(tmp_path: Path, line: str):
    with pytest.raises(UserError, match=r"history\.jsonl, row 2: .*Restore the file"):
        workdir_with(tmp_path / "middle", LINES[0], line, LINES[1]).history(3)
    if not line.startswith(("[1", "7", "null")):
        assert len(workdir_with(tmp_path / "end", LINES[0], line).history(3)) == 1


@pytest.mark.parametrize("text", ["", '{"seed": 0, "da', "[]", "null", "7", "\x00", "[" * 100_000])
def test_a_damaged_configuration_is_called_damaged_and_kept(tmp_path: Path, text: str):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(UserError, match=r"config\.json: .*Restore the file from a backup, or choose another"):
        Workdir(tmp_path, ConfigDict({"seed": 0}))
    assert (tmp_path / "config.json").read_text() == text


def test_files_of_an_inspection_do_not_claim_a_folder_under_their_present_and_former_names(tmp_path: Path):
    for name in (*INSPECTION, "inspection_people.csv"):
        (tmp_path / name).touch()
    assert not Workdir(tmp_path, ConfigDict({"seed": 0})).begun
    (tmp_path / "letter.txt").touch()
    with pytest.raises(UserError, match="is not a work directory"):
        Workdir(tmp_path, ConfigDict({"seed": 0}))


def record(digest: str, **images: int) -> DataRecord:
    return DataRecord(RECORD_SCHEMA, {"training": PartRecord(digest, images)})


def test_changed_data_are_refused_once_there_is_a_checkpoint(tmp_path: Path):
    workdir = Workdir(tmp_path / "run", ConfigDict({"seed": 0}))
    assert not workdir.check_data(record("1", Ann=2))
    assert not workdir.check_data(record("2", Bob=2))  # nothing was learned from the former
    (workdir.checkpoints / "last" / "3").mkdir(parents=True)
    assert not workdir.check_data(record("2", Bob=2))
    before = (tmp_path / "run" / "data.json").read_bytes()
    with pytest.raises(UserError, match=r"trained on other data .*new 'Cid'; missing 'Bob'.*Restore the data, or"):
        workdir.check_data(record("3", Cid=2))
    assert (tmp_path / "run" / "data.json").read_bytes() == before


def test_a_work_directory_without_a_record_of_its_data_receives_one_with_a_note(tmp_path: Path):
    workdir = Workdir(tmp_path, ConfigDict({"seed": 0}))
    (workdir.checkpoints / "last" / "3").mkdir(parents=True)
    (note,) = workdir.check_data(record("1", Ann=2))
    assert "no record of its data" in note
    assert not workdir.check_data(record("1", Ann=2))
    (tmp_path / "data.json").write_text("[]")
    with pytest.raises(UserError, match=r"data\.json: .*Restore the file"):
        workdir.check_data(record("1", Ann=2))


def test_an_option_that_an_earlier_version_lacked_counts_as_its_default(tmp_path: Path):
    config = base.get_config()
    Workdir(tmp_path / "run", config).begin()
    before = json.loads((tmp_path / "run" / "config.json").read_text(encoding="utf-8"))
    del before["data"]["pairs_columns"]
    (tmp_path / "run" / "config.json").write_text(json.dumps(before), encoding="utf-8")
    Workdir(tmp_path / "run", config)
    config.data.pairs_columns = "same=match"
    with pytest.raises(UserError, match=r"config\.data\.pairs_columns was None, now 'same=match'"):
        Workdir(tmp_path / "run", config)


def test_a_run_of_a_version_without_backends_and_members_is_resumed(tmp_path: Path):
    config = base.get_config()
    Workdir(tmp_path, config).begin()
    before = json.loads((tmp_path / "config.json").read_text())
    for group in ("backend", "fusion", "members"):
        del before[group]
    (tmp_path / "config.json").write_text(json.dumps(before))
    Workdir(tmp_path, config)
    config.backend.name = "cosine"
    with pytest.raises(UserError, match=r"config\.backend\.name was 'none', now 'cosine'"):
        Workdir(tmp_path, config)


def test_a_run_without_a_limit_of_pairs_per_identity_is_not_resumed_with_one(tmp_path: Path):
    config = base.get_config()
    Workdir(tmp_path, config).begin()
    path = tmp_path / "config.json"
    before = json.loads(path.read_text())
    del before["data"]["pairs_per_identity"]  # as an earlier version wrote it, which sampled without a limit
    path.write_text(json.dumps(before))
    with pytest.raises(UserError, match=r"config\.data\.pairs_per_identity was 0, now 10"):
        Workdir(tmp_path, config)
    config.data.pairs_per_identity = 0
    Workdir(tmp_path, config)
