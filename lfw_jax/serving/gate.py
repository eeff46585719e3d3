"""The gate before the routes: access, rate, headers of every answer, and metrics."""

import asyncio
import contextlib
import math
import time
from collections.abc import Collection, Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lfw_jax.serving.access import check_host, check_origin, check_token
from lfw_jax.serving.metrics import Metrics
from lfw_jax.serving.rate_limit import RateLimit
from lfw_jax.serving.refusal import RefusedError, logged_fault

HEALTH = "/healthz"
"""The route that needs no token and counts for no rate."""

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}
_FIRST_ERROR, _TOO_SLOW = 400, 408
_DISCARDED, _DISCARD_SECONDS = 2**26, 5.0  # of a refused upload, so that its client reads the answer


class Gate:
    """The middleware around all routes.

    Args:
      app: the routes.
      metrics: the metrics of the service.
      per_minute: the requests of one client in a minute on average, with bursts of as many; 0 for no limit.
      token: the token; "" for none.
      hosts: the allowed names of the Host header; None for all.
      routes: the paths of the routes, as labels of metrics.
      public: the paths that need no token.
      public_host: the host of a proxy in front, as URLs have it; "" for no proxy.

    Attributes:
      stopping: true once the service accepts no request any more.
      cut_off: number of requests that the end of the service left without an answer.
    """

    def __init__(
        self,
        app: ASGIApp,
        metrics: Metrics,
        *,
        per_minute: int,
        token: str,
        hosts: Collection[str] | None,
        routes: Collection[str],
        public: Collection[str],
        public_host: str = "",
    ):
        self._app, self._metrics = app, metrics
        self._token, self._hosts = token, hosts
        self._routes, self._public, self._public_host = routes, public, public_host.lower()
        self._rate, self._per_minute = RateLimit(per_minute), per_minute
        self.stopping, self.cut_off = False, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on.

        Args:
          scope: the connection.
          receive: yields the parts of the request.
          send: takes the parts of the answer.
        """
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        route = scope["path"] if scope["path"] in self._routes else "other"
        exchange = _Exchange(receive, send, Headers(scope=scope))
        started = time.perf_counter()
        with self._metrics.in_flight.track_inprogress():
            try:
                await self._answer(scope, exchange)
            except asyncio.CancelledError:
                self.cut_off += not exchange.ended
                raise
            finally:
                self._metrics.latency.labels(route).observe(time.perf_counter() - started)
                self._metrics.requests.labels(route, str(exchange.status)).inc()
                if exchange.code:
                    self._metrics.refused.labels(exchange.code).inc()

    async def _answer(self, scope: Scope, exchange: "_Exchange") -> None:
        try:
            self._check(scope, exchange.headers)
            await self._app(scope, exchange.receive, exchange.send)
        except RefusedError as refusal:
            await exchange.refuse(refusal)
        except Exception as error:
            refusal = logged_fault(error)
            if not exchange.started:
                await exchange.refuse(refusal)
            elif not exchange.ended:
                raise RuntimeError("an answer is broken off") from None  # the server closes the connection

    def _check(self, scope: Scope, headers: Headers) -> None:
        path, host = scope["path"], headers.get("host", "")
        if self.stopping and path != "/metrics":
            raise RefusedError(503, "stopping", "The service is stopping. Try again later.", {"Retry-After": "5"})
        check_host(host, self._hosts)
        if path == HEALTH:
            return
        client = (scope.get("client") or ("",))[0]
        if seconds := self._rate.seconds_to_wait(client):
            after = {"Retry-After": str(math.ceil(seconds))}
            message = f"More than {self._per_minute} requests in a minute on average. Wait, or send fewer."
            raise RefusedError(429, "too_many_requests", message, after)
        if self._token and path not in self._public:
            check_token(headers.get("authorization"), self._token)
        if scope["method"] not in ("GET", "HEAD"):
            check_origin(headers.get("origin"), headers.get("sec-fetch-site"), {host.lower(), self._public_host} - {""})


class _Exchange:
    """A request and its answer, whose headers are completed on the way."""

    def __init__(self, receive: Receive, send: Send, headers: Headers):
        self._receive, self._send, self.headers = receive, send, headers
        self._complete, self._begun = False, False
        self.started, self.ended = False, False
        self.status, self.code = 500, ""

    async def receive(self) -> Message:
        self._begun = True
        message = await self._receive()
        if message["type"] != "http.request" or not message.get("more_body", False):
            self._complete = True
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started, self.status = True, message["status"]
            headers = MutableHeaders(raw=list(message.get("headers", [])))
            self.code = headers.get("x-refusal", "")
            del headers["x-refusal"]
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            if self.status >= _FIRST_ERROR:
                if self.status != _TOO_SLOW:
                    await self._discard()
                if not self._complete:  # the server would wait for the rest without a limit
                    headers["Connection"] = "close"
            message = {**message, "headers": headers.raw}
        await self._send(message)
        self.ended = message["type"] == "http.response.body" and not message.get("more_body", False)

    async def refuse(self, refusal: RefusedError) -> None:
        headers = [(name.lower().encode(), value.encode()) for name, value in refusal_headers(refusal).items()]
        body = refusal.body()
        headers.append((b"content-length", str(len(body)).encode()))
        await self.send({"type": "http.response.start", "status": refusal.status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})

    async def _discard(self) -> None:
        """Read what the client still sends of a refused upload: a connection that closes earlier may lose the answer."""
        if self.headers.get("expect", "").lower() == "100-continue" and not self._begun:
            return
        size = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DISCARD_SECONDS):
                while not self._complete and size < _DISCARDED:
                    size += len((await self.receive()).get("body", b""))


def refusal_headers(refusal: RefusedError) -> Mapping[str, str]:
    """Return the headers of a refusal; the gate counts it by one of them, which it removes.

    Args:
      refusal: the refusal.
    """
    return {**refusal.headers, "Content-Type": "application/json", "X-Refusal": refusal.code}
