"""A service in a thread, on a port of its own, for browsers and for clients of the documentation."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import uvicorn

from lfw_jax.serving.app import create_app
from lfw_jax.serving.server import bound_socket, url_of
from lfw_jax.serving.service import Service


@contextlib.contextmanager
def running(service: Service, **options: Any) -> Iterator[str]:
    """Yield the address of a service that runs until the end of the block."""
    bound: socket.socket = bound_socket("127.0.0.1", 0)
    config = uvicorn.Config(
        create_app(service, **options), http="h11", ws="none", loop="asyncio", log_config=None, access_log=False
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([bound],))
    url = url_of(bound)
    thread.start()
    try:
        until = time.monotonic() + 30
        while not server.started:
            assert time.monotonic() < until
            time.sleep(0.01)
        yield url
    finally:
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive()
