"""Admission of requests: how many are accepted at a time, and how many bytes of uploads they hold."""

import contextlib
from collections.abc import Iterator

from lfw_jax.serving.limits import Limits
from lfw_jax.serving.refusal import RefusedError

_AGAIN = {"Retry-After": "1"}


class Admission:
    """Counts the accepted requests and the bytes that they hold. Only the event loop uses it.

    Args:
      limits: the limits of the service.

    Attributes:
      accepted: number of requests that are accepted and not answered yet.
      held: number of bytes of uploads in memory.
    """

    def __init__(self, limits: Limits):
        self._limits = limits
        self.accepted = 0
        self.held = 0

    @contextlib.contextmanager
    def request(self) -> Iterator["Reservation"]:
        """Accept a request until its answer is made.

        Yields:
          the reservation of its memory.

        Raises:
          RefusedError: too many requests are accepted already.
        """
        if self.accepted >= self._limits.accepted:
            raise RefusedError(
                503, "busy", f"{self.accepted} requests wait already, which is the limit. Try again later.", _AGAIN
            )
        self.accepted += 1
        reservation = Reservation(self, self._limits.memory_bytes)
        try:
            yield reservation
        finally:
            self.accepted -= 1
            self.held -= reservation.size


class Reservation:
    """The memory that the upload of one request takes.

    Args:
      admission: the admission of the service.
      most: the most bytes of all requests together.

    Attributes:
      size: number of bytes.
    """

    def __init__(self, admission: Admission, most: int):
        self._admission, self._most = admission, most
        self.size = 0

    def grow(self, count: int) -> None:
        """Take more memory.

        Args:
          count: number of bytes.

        Raises:
          RefusedError: all uploads together would exceed the limit.
        """
        if self._admission.held + count > self._most:
            raise RefusedError(
                503, "busy", "The uploads in progress take all memory for them. Try again later.", _AGAIN
            )
        self._admission.held += count
        self.size += count
