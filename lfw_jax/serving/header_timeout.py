"""A limit of the time in which a request must begin: silent clients would use up file descriptors."""

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


def protocol_with_timeout(seconds: float) -> type[H11Protocol]:
    """Return uvicorn's HTTP protocol with a limit of the time in which the head of a request must arrive.

    uvicorn itself limits the time between two requests (`timeout_keep_alive`), but neither that before the first nor that
    of a head that arrives byte by byte. The time of a body is limited by `Limits.upload_seconds`.

    Args:
      seconds: from the connection, or from the first byte of a later request, to the end of its head.
    """

    class Protocol(H11Protocol):
        """HTTP with the time limit."""

        _timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
            super().connection_made(transport)
            self._timer = self.loop.call_later(seconds, transport.close)

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.conn.their_state is not h11.IDLE:
                self._stop_timer()
            elif self._timer is None:
                self._timer = self.loop.call_later(seconds, self.transport.close)

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_timer()
            super().connection_lost(exc)

        def _stop_timer(self) -> None:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    return Protocol
