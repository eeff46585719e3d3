"""The lock of a work directory: one process at a time trains or evaluates in it."""

import contextlib
import dataclasses
import datetime
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from lfw_jax.errors import UserError
from lfw_jax.report.terminal_text import print_lines
from lfw_jax.typed_json import from_json, to_json

LOCK = "lock.json"


@dataclasses.dataclass(frozen=True)
class Owner:
    """The process that uses a work directory; the content of `lock.json`.

    Attributes:
      pid: its process id.
      host: the name of its host.
      mode: the value of its `--mode`.
      since: the time at which it took the lock, for messages.
      process_start: the time at which the process itself started, in the system's own unit; "" where the system does not
        say. It tells the owner from a later process with the same id.
    """

    pid: int
    host: str
    mode: str
    since: str
    process_start: str = ""

    def ended(self) -> bool:
        """Return true if the owner ran on this host and is known to have ended."""
        if self.host != socket.gethostname() or os.name != "posix":
            return False
        try:
            os.kill(self.pid, 0)
        except (ProcessLookupError, OverflowError):
            return True
        except PermissionError:
            pass  # a process of another user
        state, start = _process(self.pid)
        return state in ("Z", "X") or ("" not in (start, self.process_start) and start != self.process_start)


@contextlib.contextmanager
def locked(folder: Path, mode: str) -> Iterator[None]:
    """Hold the lock of a work directory.

    A lock whose owner ended without releasing it is taken over, with a note on the terminal. A folder that was created for the
    lock is removed again if nothing else was written into it.

    Args:
      folder: the work directory; created if missing.
      mode: the mode that uses it, for the messages of other processes.

    Raises:
      UserError: another process uses the work directory, or it cannot be written.
    """
    now = datetime.datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
    owner = Owner(os.getpid(), socket.gethostname(), mode, now, _process(os.getpid())[1])
    created = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _acquire(folder, owner)
        except OSError as error:
            raise UserError(
                f"--workdir: {folder} cannot be written ({error.strerror or error}). Choose another, or free some space."
            ) from error
        try:
            yield
        finally:
            _release(folder / LOCK, owner)
    finally:
        for path in created:
            with contextlib.suppress(OSError):  # not empty, or never created
                path.rmdir()


def _acquire(folder: Path, owner: Owner) -> None:
    lock = folder / LOCK
    try:
        _create(lock, owner)
    except FileExistsError:
        with contextlib.suppress(FileNotFoundError):  # released in the meantime
            _take_over(folder, owner)
        _create(lock, owner)


def _create(lock: Path, owner: Owner) -> None:
    """Create the file. Raises FileExistsError if there is one."""
    descriptor = os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(json.dumps(to_json(owner)) + "\n")
    except OSError:
        lock.unlink(missing_ok=True)
        raise


def _take_over(folder: Path, owner: Owner) -> None:
    """Remove the lock of an owner that has ended. Raises UserError if it may still run."""
    lock = folder / LOCK
    before = _read(lock)
    if not before.ended():
        user = f"process {before.pid} on {before.host} (--mode={before.mode}, since {before.since})"
        removal = f"; if that process no longer runs, remove {lock}" if before.host != owner.host else ""
        raise UserError(
            f"--workdir: {folder} is in use by {user}. Wait until it ends, or choose another --workdir{removal}."
        )
    # Renamed and read again: another process may have taken the lock over since it was read.
    aside = lock.with_name(f".{LOCK}.{os.getpid()}.unfinished")
    lock.rename(aside)
    if _read(aside) != before:
        aside.rename(lock)
        raise UserError(f"--workdir: {folder} was taken by another process a moment ago. Choose another --workdir.")
    aside.unlink()
    print_lines(
        f"{folder}: process {before.pid} (--mode={before.mode}, since {before.since}) ended without releasing this work "
        "directory; its lock is taken over."
    )


def _read(lock: Path) -> Owner:
    remedy = "If no process uses this work directory, remove the file; otherwise choose another --workdir."
    try:
        content = json.loads(lock.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{lock}: cannot be read as the lock of a run ({error}). {remedy}") from error
    return from_json(Owner, content, source=lock, remedy=remedy)


def _release(lock: Path, owner: Owner) -> None:
    """Remove the lock, unless it was removed by hand and now belongs to another process."""
    with contextlib.suppress(OSError, UserError):
        if _read(lock) == owner:
            lock.unlink()


def _process(pid: int) -> tuple[str, str]:
    """Return the state of a process and its start in clock ticks since boot; both "" where the system does not say."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "", ""
    fields = text.rpartition(")")[2].split()  # from the third field; the second, a name in brackets, may hold spaces
    return fields[0], fields[19]
