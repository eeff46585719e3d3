"""Measuring processes controlled by a parent in turns, with one line of JSON per message.

Two frameworks can share a card only in separate processes, and the start of a GPU process takes several seconds. So
each library has one persistent worker, which compiles and measures on command.
"""

import contextlib
import importlib
import json
import os
import selectors
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

_ROOT = Path(__file__).resolve().parents[2]


class WorkerFailed(Exception):  # noqa: N818, what happened, not a mistake
    """Failure of a worker; the text is the reason, short enough for a table."""


class Worker:
    """A measuring process as its parent controls it.

    Use it as a context manager: the process ends with the block.

    Args:
      module: Module with a class `Commands`; each of its methods is a command that takes keyword arguments and
        returns a dictionary. It is imported with the first command.
      python: Python interpreter of the process.
      environment: Variables added to those of this process; None removes one.
    """

    def __init__(
        self, module: str, *, python: str = sys.executable, environment: Mapping[str, str | None] | None = None
    ):
        variables = dict(os.environ)
        for name, value in (environment or {}).items():
            variables.pop(name, None)
            if value is not None:
                variables[name] = value
        self._process = subprocess.Popen(
            [python, "-m", "benchmarks.gpu.throughput_workers", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=_ROOT,
            env=variables,
        )
        self._received = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(self, command: str, *, timeout: float, **arguments: Any) -> dict[str, Any]:
        """Send a command and return its result.

        Raises:
          WorkerFailed: the command failed, took more than `timeout` seconds (the process is ended), or the process died.
        """
        self.send(command, **arguments)
        return self.receive(timeout=timeout)

    def send(self, command: str, **arguments: Any) -> None:
        """Send a command; `receive` returns its result."""
        assert self._process.stdin
        with contextlib.suppress(OSError, ValueError):  # the process died or was dismissed; `receive` says so
            self._process.stdin.write(json.dumps({"command": command} | arguments).encode() + b"\n")
            self._process.stdin.flush()

    def receive(self, *, timeout: float) -> dict[str, Any]:
        """Wait for the result of the command that was sent. Raises WorkerFailed as `ask` does."""
        answer = json.loads(self._line(timeout))
        if "failed" in answer:
            raise WorkerFailed(answer["failed"])
        return answer["result"]

    def _line(self, timeout: float) -> bytes:
        assert self._process.stdout
        ends = time.monotonic() + timeout
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._received:
                if not selector.select(max(0.0, ends - time.monotonic())):
                    self._end()
                    raise WorkerFailed(f"over {timeout:.0f} s")
                piece = os.read(self._process.stdout.fileno(), 1 << 16)
                if not piece:
                    raise WorkerFailed(f"the process ended with code {self._process.wait()}")
                self._received += piece
        line, self._received = self._received.split(b"\n", 1)
        return line

    def dismiss(self) -> None:
        """Let the process end after its current command, without waiting for it."""
        assert self._process.stdin
        with contextlib.suppress(OSError):  # it died with a command unread
            self._process.stdin.close()

    def close(self) -> None:
        """End the process; it is killed if it has not ended after 10 seconds."""
        self.dismiss()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._end()
        if self._process.stdout:
            self._process.stdout.close()

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()


def serve(module: str) -> None:
    """Execute the parent's commands until it closes the pipe.

    All other output goes to standard error.
    """
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    commands = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            commands = commands or importlib.import_module(module).Commands()
            answer = {"result": getattr(commands, request.pop("command"))(**request)}
        except Exception as error:
            reason = reason_of(error)
            if reason not in ("out of memory", str(error)) and not isinstance(error, ModuleNotFoundError):
                traceback.print_exc()
            answer = {"failed": reason}
        print(json.dumps(answer), file=answers)


def reason_of(error: Exception) -> str:
    """Return the reason why a measurement failed, in a few words."""
    text = str(error)
    if isinstance(error, MemoryError) or "out of memory" in text.lower() or "RESOURCE_EXHAUSTED" in text:
        return "out of memory"
    if isinstance(error, ModuleNotFoundError):
        return f"{error.name} is not installed"
    if type(error).__name__ == "UserError":
        return text
    first = (text.strip().splitlines() or [""])[0]
    return f"{type(error).__name__}: {first}"[:200]


if __name__ == "__main__":
    serve(sys.argv[1])
