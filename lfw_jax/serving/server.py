"""The server: a socket that is bound first, and an end that answers what was accepted."""

import asyncio
import contextlib
import errno
import os
import signal
import socket
from collections.abc import Callable, Iterator
from types import FrameType
from urllib.parse import urlsplit

import uvicorn

from lfw_jax.errors import UserError
from lfw_jax.serving.access import SHORTEST_TOKEN, TOKEN, is_loopback
from lfw_jax.serving.gate import Gate
from lfw_jax.serving.header_timeout import protocol_with_timeout
from lfw_jax.serving.limits import Limits

_DRAIN_SECONDS = 120
_LARGEST_PORT = 65535


def token_for(host: str) -> str:
    """Return the token of the environment; a host that other machines reach needs one.

    Args:
      host: the host to listen on.

    Returns:
      The token; "" for none.

    Raises:
      UserError: the host is unknown, the token is missing, or it is too short.
    """
    token = os.environ.get(TOKEN, "")
    try:
        public = not is_loopback(host)
    except (OSError, UnicodeError) as error:
        raise UserError(f"--host is {host}, which has no address. Give this machine's name or address.") from error
    if not token and public:
        raise UserError(
            f"--host is {host}, which other machines reach; expected a token in the environment variable {TOKEN}, of at least "
            f"{SHORTEST_TOKEN} characters. Set it, or listen on 127.0.0.1."
        )
    if token and (len(token) < SHORTEST_TOKEN or not (token.isascii() and token.isprintable())):
        raise UserError(
            f"{TOKEN}: expected at least {SHORTEST_TOKEN} printable ASCII characters. Choose a longer token."
        )
    return token


def check_public_host(public_host: str) -> None:
    """Check the host of a proxy.

    Args:
      public_host: a host, and perhaps a port; "" for no proxy.

    Raises:
      UserError: it is something else, such as a URL.
    """
    try:
        parts = urlsplit(f"//{public_host}")
        valid = parts.netloc == public_host and "@" not in public_host and (not public_host or bool(parts.hostname))
        valid = valid and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise UserError(
            f"--public_host is {public_host}; expected a host as in the URL of the proxy, such as photos.example or "
            "photos.example:8443. Leave out https:// and the path."
        )


def bound_socket(host: str, port: int) -> socket.socket:
    """Return a socket that listens on an address. Whoever connects waits until the service begins.

    Args:
      host: a name or an address.
      port: the port; 0 for any free one.

    Raises:
      UserError: the port is taken or out of range, or the address is not one of this machine.
    """
    if not 0 <= port <= _LARGEST_PORT:
        raise UserError(f"--port is {port}; expected 0 to {_LARGEST_PORT:,}.")
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    family, kind, protocol, _, address = min(found, key=lambda one: one[0] != socket.AF_INET)
    bound = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen()  # with SO_REUSEADDR, two sockets may be bound to one port until one of them listens
    except OSError as error:
        bound.close()
        if error.errno == errno.EADDRINUSE:
            raise UserError(f"--port: {port} is taken on {host}. Choose another one, or end its program.") from error
        raise UserError(f"--host={host} --port={port}: cannot listen ({error.strerror}). Choose others.") from error
    bound.set_inheritable(False)
    return bound


def url_of(bound: socket.socket) -> str:
    """Return the address of a socket as a URL.

    Args:
      bound: the socket.
    """
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def run_server(
    app: Gate, bound: socket.socket, begun: Callable[[], None], head_seconds: float = Limits.head_seconds
) -> int:
    """Serve until a signal, then answer what is accepted.

    SIGTERM or SIGINT ends the service: new requests are refused, accepted ones are answered, for at most `_DRAIN_SECONDS`.
    A second SIGINT ends it at once.

    Args:
      app: the application.
      bound: the socket.
      begun: called when the service answers requests.
      head_seconds: the limit of that name.

    Returns:
      The number of accepted requests that were cut off.
    """
    config = uvicorn.Config(
        app,
        http=protocol_with_timeout(head_seconds),
        ws="none",
        loop="asyncio",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # a client could choose the address by which its rate is limited
        timeout_graceful_shutdown=_DRAIN_SECONDS,
    )
    asyncio.run(_Server(config, app, begun).serve(sockets=[bound]))
    return app.cut_off


class _Server(uvicorn.Server):
    """A server that ends without raising the signal again, which would end the process with its code."""

    def __init__(self, config: uvicorn.Config, app: Gate, begun: Callable[[], None]):
        super().__init__(config)
        self._app, self._begun = app, begun
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self._begun()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:  # pyright: ignore[reportIncompatibleMethodOverride]
        former = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._app.stopping = True
        super().handle_exit(sig, frame)
        if self.force_exit and self._loop is not None:
            self._loop.call_soon_threadsafe(self._abort)  # which also wakes the loop from within a signal handler

    def _abort(self) -> None:
        """Close all connections: from Python 3.12 on, the end of the server waits for them, however it was asked for."""
        for connection in list(self.server_state.connections):
            connection.transport.abort()
