"""Writing files and folders atomically."""

import contextlib
import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from lfw_jax.errors import UserError

_numbers = itertools.count()  # keeps the temporary names of one process distinct


@contextlib.contextmanager
def replaced_atomically(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside the target, which it replaces on success.

    On an exception, the temporary file is removed. System errors are raised unchanged, for callers that describe them in their
    own words.

    Args:
      target: the path of the file.
    """
    unfinished = _temporary_path(target)
    try:
        yield unfinished
        unfinished.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def written_atomically(*targets: Path, replace: bool = False) -> Iterator[tuple[Path, ...]]:
    """Yield temporary paths beside the targets, to which they are renamed on success.

    The paths are for files or for one folder. Missing parent folders are created. On an exception, everything that was written
    or created is removed.

    Args:
      targets: the paths of the finished files.
      replace: whether existing files are replaced; otherwise a file that exists is an error.

    Raises:
      UserError: a target exists, or the system cannot write it: no permission, no space, a name that is too long.
    """
    unfinished = tuple(map(_temporary_path, targets))
    created: list[Path] = []
    finished: list[Path] = []
    try:
        for target in targets:
            if not replace and os.path.lexists(target) and not _empty_folder(target):
                raise UserError(
                    f"{target}: found an existing file or folder, expected none. Choose another path, or remove it."
                )
        for folder in {target.parent for target in targets}:
            _create(folder, created)
        yield unfinished
        for path, target in zip(unfinished, targets, strict=True):
            path.replace(target)
            if not replace:  # a file that was replaced cannot be restored, so its successor stays
                finished.append(target)
    except OSError as error:
        _remove([*unfinished, *finished], created)
        what = f"{error.strerror or error}" + (f": {error.filename}" if error.filename else "")
        raise UserError(
            f"{targets[0]}: cannot be written ({what}). Nothing was kept. Choose another path, or free some space."
        ) from error
    except BaseException:
        _remove([*unfinished, *finished], created)
        raise


def _temporary_path(target: Path) -> Path:
    return target.with_name(f".{target.name[:40]}.{os.getpid()}.{next(_numbers)}.unfinished")


def _empty_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink() and not any(path.iterdir())


def _create(folder: Path, created: list[Path]) -> None:
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir()
        created.append(path)


def _remove(paths: list[Path], created: list[Path]) -> None:
    for path in paths:
        with contextlib.suppress(OSError):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
    for folder in reversed(created):
        with contextlib.suppress(OSError):
            folder.rmdir()
