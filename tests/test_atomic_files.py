"""Files are written atomically."""

from pathlib import Path

import pytest

from lfw_jax.atomic_files import replaced_atomically, written_atomically
from lfw_jax.errors import UserError


def write_both(*targets: Path) -> None:
    with written_atomically(*targets, replace=True) as unfinished:
        for path in unfinished:
            path.write_text("after")


def test_temporary_names_of_long_names_do_not_collide(tmp_path: Path):
    targets = [tmp_path / f"{'a' * 60}.{ending}" for ending in ("idx", "rec")]
    with written_atomically(*targets) as unfinished:
        for path, content in zip(unfinished, ("index", "records"), strict=True):
            path.write_text(content)
    assert [path.read_text() for path in targets] == ["index", "records"]
    assert len(list(tmp_path.iterdir())) == 2


def test_a_failure_leaves_nothing_new_and_removes_nothing_old(tmp_path: Path):
    old = tmp_path / "old.json"
    old.write_text("before")
    (tmp_path / "taken.html").mkdir()
    (tmp_path / "taken.html" / "file").touch()
    with pytest.raises(UserError, match="cannot be written"):
        write_both(old, tmp_path / "taken.html")
    assert old.read_text() in ("before", "after")  # replaced or not, but never missing
    assert sorted(path.name for path in tmp_path.iterdir()) == ["old.json", "taken.html"]


def test_a_name_that_is_too_long_is_a_user_error(tmp_path: Path):
    with pytest.raises(UserError, match="cannot be written"), written_atomically(tmp_path / ("a" * 300)) as (path,):
        path.write_text("content")


def test_a_file_is_replaced_at_the_end(tmp_path: Path):
    target = tmp_path / "metrics.json"
    target.write_text("before")
    with replaced_atomically(target) as unfinished:
        unfinished.write_text("after")
        assert target.read_text() == "before"
    assert target.read_text() == "after"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_an_exception_leaves_the_old_file_alone_and_is_raised_unchanged(tmp_path: Path, error: BaseException):
    target = tmp_path / "metrics.json"
    target.write_text("before")

    def write() -> None:
        with replaced_atomically(target) as unfinished:
            unfinished.write_text("aft")
            raise error

    with pytest.raises(type(error)) as raised:
        write()
    assert raised.value is error
    assert target.read_text() == "before"
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_is_not_replaced_by_a_file(tmp_path: Path):
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError, match="taken"), replaced_atomically(tmp_path / "taken") as unfinished:
        unfinished.write_text("content")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_two_files_at_a_time_do_not_collide(tmp_path: Path):
    one, other = (tmp_path / f"{'a' * 60}{end}.json" for end in "xy")
    with replaced_atomically(one) as first, replaced_atomically(other) as second:
        first.write_text("x")
        second.write_text("y")
    assert (one.read_text(), other.read_text()) == ("x", "y")
