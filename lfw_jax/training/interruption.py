"""Interruption of a training by Ctrl-C or SIGTERM, after a step that is finished and saved."""

import contextlib
import os
import signal
import sys
import threading
from types import FrameType, TracebackType
from typing import Any, Self

_NOTICE = b"\ninterrupted: finishing this step and saving a checkpoint; a second signal stops at once\n"
_SHOW_CURSOR = b"\x1b[?25h"


class Interruption:
    """A request to stop by SIGINT or SIGTERM, received while the `with` block runs.

    The former handlers are restored at its end. In threads other than the main one, which cannot receive signals, and for
    signals that the process ignores, the block changes nothing. A second signal ends the process at once.
    """

    def __init__(self):
        self._former: dict[int, Any] = {}
        self._polled = False
        self._received: int | None = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                if signal.getsignal(number) not in (signal.SIG_IGN, None):  # None: a handler outside of Python
                    self._former[number] = signal.signal(number, self._receive)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._former:
            signal.signal(*self._former.popitem())

    def requested(self) -> bool:
        """Return true if a signal was received.

        Before the first call, no step is complete and there is nothing to save: a signal then ends the process as it would
        without this class.
        """
        self._polled = True
        return self._received is not None

    def end(self) -> None:
        """End the program if a signal was received: with exit code 130 after SIGINT, 143 after SIGTERM.

        Raises:
          KeyboardInterrupt: SIGINT was received.
          SystemExit: SIGTERM was received.
        """
        if self._received is not None:
            raise _ending(self._received)

    def _receive(self, number: int, _: FrameType | None) -> None:
        if not self._polled:
            raise _ending(number)
        if self._received is not None:
            if sys.stderr.isatty():
                _write(_SHOW_CURSOR)  # a progress bar hides it
            os._exit(128 + number)
        self._received = number
        _write(_NOTICE)


def _ending(number: int) -> BaseException:
    return KeyboardInterrupt() if number == signal.SIGINT else SystemExit(128 + number)


def _write(text: bytes) -> None:
    """Write to standard error. The file object of Python may be in use when a signal arrives."""
    with contextlib.suppress(OSError):
        os.write(2, text)
