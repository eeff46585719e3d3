"""Files and folders that appear whole or not at all."""

import contextlib
import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from lfw_jax.errors import UserError

_numbers = itertools.count()  # so that no two names of one process are equal


@contextlib.contextmanager
def replaced_atomically(target: Path) -> Iterator[Path]:
    """A name to write one file under, beside the target, whose place it takes at the end; if anything goes wrong it is removed.

    For a file whose owner says in its own words what went wrong: errors of the system stay as they are.
    """
    unfinished = _beside(target)
    try:
        yield unfinished
        unfinished.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def written_atomically(*targets: Path, replace: bool = False) -> Iterator[tuple[Path, ...]]:
    """Names to write files (or one folder) under, beside the targets, which are given their own names at the end.

    A folder that is missing is made. If anything goes wrong what was written is removed, and so are folders that were made.

    Args:
      targets: the paths that are wanted.
      replace: whether a file that is there already is replaced; else it is an error.

    Raises:
      UserError: a target is there already, or the system refuses to write: no right to, no space, a name too long.
    """
    unfinished = tuple(map(_beside, targets))
    made: list[Path] = []
    finished: list[Path] = []
    try:
        for target in targets:
            if not replace and os.path.lexists(target) and not _empty_folder(target):
                raise UserError(f"{target}: there is something of that name already. Choose another, or remove it.")
        for folder in {target.parent for target in targets}:
            _make(folder, made)
        yield unfinished
        for path, target in zip(unfinished, targets, strict=True):
            path.replace(target)
            if not replace:  # else an older one is gone that nothing brings back
                finished.append(target)
    except OSError as error:
        _remove([*unfinished, *finished], made)
        what = f"{error.strerror or error}" + (f": {error.filename}" if error.filename else "")
        raise UserError(
            f"{targets[0]}: cannot be written ({what}). Nothing of it was kept; choose another place or make room."
        ) from error
    except BaseException:
        _remove([*unfinished, *finished], made)
        raise


def _beside(target: Path) -> Path:
    return target.with_name(f".{target.name[:40]}.{os.getpid()}.{next(_numbers)}.unfinished")


def _empty_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink() and not any(path.iterdir())


def _make(folder: Path, made: list[Path]) -> None:
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir()
        made.append(path)


def _remove(paths: list[Path], made: list[Path]) -> None:
    for path in paths:
        with contextlib.suppress(OSError):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
    for folder in reversed(made):
        with contextlib.suppress(OSError):
            folder.rmdir()
