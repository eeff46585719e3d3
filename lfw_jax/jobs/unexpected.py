"""Exceptions that no job reports: a full disk, a missing permission, a closed pipe, or a fault."""

import errno
import importlib.metadata
import os
import platform
import select
import shlex
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence

FAULT = 70
"""Exit code of a fault of this program (EX_SOFTWARE of sysexits.h)."""

NO_READER = 141
"""Exit code if nobody reads standard output any longer: that of a process that SIGPIPE ended."""

_REMEDIES = {
    errno.ENOSPC: "Free some space",
    errno.EDQUOT: "Free some space, or ask for a larger quota",
    errno.EROFS: "Choose a folder that can be written",
    errno.EACCES: "Give yourself the permission, or choose another folder",
    errno.EPERM: "Give yourself the permission, or choose another folder",
    errno.EMFILE: "Raise the limit of open files (`ulimit -n`)",
}
_PACKAGES = ("lfw-jax", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy")


def explain(error: Exception, arguments: Sequence[str]) -> tuple[str, int]:
    """Return the sentence and the exit code for an exception that no job has reported.

    The traceback of a fault of this program is saved to a file in the system's folder for temporary files.

    Args:
      error: the exception.
      arguments: the command line.
    """
    for cause in _causes(error):
        code = cause.errno if isinstance(cause, OSError) else _code_in(str(cause))
        if code in _REMEDIES:
            path = f"{cause.filename}: " if isinstance(cause, OSError) and cause.filename else ""
            return f"{path}{os.strerror(code)}. {_REMEDIES[code]}; the same command goes on where this one stopped.", 2
    summary = f"{type(error).__name__}: {error}".splitlines()[0]
    try:
        place = f"The traceback is in {_save(error, arguments)}; please report it with that file."
    except OSError:  # no temporary folder can be written
        traceback.print_exception(error)
        place = "Please report it with the traceback above."
    return f"unexpected error, a fault of this program ({summary}). {place}", FAULT


def reader_is_gone() -> bool:
    """Return true if standard output is a pipe that nobody reads any longer, as after `| head`.

    Standard output then leads nowhere, so that the end of the process does not fail on what is left to write.
    """
    if not hasattr(select, "poll"):  # Windows, where a closed pipe is another error
        return False
    output = sys.stdout.fileno()
    poll = select.poll()
    poll.register(output, 0)  # errors are reported in any case
    if not any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0)):
        return False
    os.dup2(os.open(os.devnull, os.O_WRONLY), output)
    return True


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and those that led to it."""
    found: BaseException | None = error
    seen: set[int] = set()
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        yield found
        found = found.__cause__ or found.__context__


def _code_in(text: str) -> int | None:
    """Return the error code whose description a text contains: libraries in C++ raise errors of the system as text."""
    return next((code for code in _REMEDIES if code != errno.EPERM and os.strerror(code) in text), None)


def _save(error: Exception, arguments: Sequence[str]) -> str:
    """Write the command line, the versions and the traceback to a new file, and return its path."""
    lines = [f"command: {shlex.join(arguments)}", f"python: {platform.python_version()} on {sys.platform}"]
    for name in _PACKAGES:
        try:
            lines.append(f"{name}: {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            lines.append(f"{name}: not installed")
    descriptor, path = tempfile.mkstemp(prefix="lfw_jax-error-", suffix=".txt")
    with open(descriptor, "w", encoding="utf-8", errors="replace") as file:
        file.write("\n".join([*lines, "", *traceback.format_exception(error)]))
    return path
