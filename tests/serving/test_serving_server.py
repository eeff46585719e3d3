"""The address and the end of a service."""

import os
import signal
import socket
import threading
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from lfw_jax.errors import UserError
from lfw_jax.serving.access import allowed_hosts
from lfw_jax.serving.app import create_app
from lfw_jax.serving.server import bound_socket, check_public_host, run_server, url_of
from tests.serving.stub import RED, detector, photo, service


def test_two_services_that_start_together_do_not_share_a_port():
    with bound_socket("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(UserError, match=rf"^--port: {port} is taken on 127\.0\.0\.1\. Choose another one"):
            bound_socket("127.0.0.1", port).close()
    bound_socket("127.0.0.1", port).close()


@pytest.mark.parametrize(
    ("signals", "seconds", "cut_off"),
    [([signal.SIGTERM], 0.1, 1), ([signal.SIGINT, signal.SIGINT], 60, 1), ([signal.SIGTERM], 60, 0)],
    ids=["too slow", "at once", "drained"],
)
def test_requests_that_the_end_cuts_off_are_counted(
    signals: list[int], seconds: float, cut_off: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("lfw_jax.serving.server._DRAIN_SECONDS", seconds)
    entered, release = threading.Event(), threading.Event()

    def slow(images: Any) -> Any:
        entered.set()
        assert release.wait(20)
        return detector(images)

    with bound_socket("127.0.0.1", 0) as bound:
        url = url_of(bound)
        statuses: list[int] = []

        def post() -> None:
            try:
                statuses.append(httpx2.post(f"{url}/detect", files={"photo": photo(RED)}, timeout=20).status_code)
            except httpx2.TransportError:
                statuses.append(0)

        def end() -> None:
            assert entered.wait(20)
            for number in signals:
                os.kill(os.getpid(), number)
                release.wait(0.3)
            release.wait(2 * cut_off)  # the end does not wait for what it cuts off, however busy the machine is
            release.set()

        threads = [threading.Thread(target=post), threading.Thread(target=end)]
        found = run_server(create_app(service(find=slow)), bound, lambda: [one.start() for one in threads])  # pyright: ignore
        for one in threads:
            one.join(20)
    assert found == cut_off
    assert (statuses == [200]) == (cut_off == 0)


def test_a_connection_whose_request_does_not_begin_is_closed():
    """Silent, in the middle of the first head, and in that of a second request; a slow answer is waited for."""
    head = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    closed: list[bytes] = []

    def slow(images: Any) -> Any:
        threading.Event().wait(1.5)
        return detector(images)

    def visit() -> None:
        for sent in (b"", head, head + b"\r\n" + head):
            with socket.create_connection(bound.getsockname()) as client:
                client.settimeout(20)
                client.sendall(sent)
                closed.append(b"".join(iter(lambda: client.recv(65536), b"")))
        closed.append(httpx2.post(f"{url_of(bound)}/detect", files={"photo": photo(RED)}, timeout=20).content)
        os.kill(os.getpid(), signal.SIGTERM)

    with bound_socket("127.0.0.1", 0) as bound:
        visitor = threading.Thread(target=visit)
        run_server(create_app(service(find=slow)), bound, visitor.start, 0.5)  # pyright: ignore
        visitor.join(20)
    assert closed[:2] == [b"", b""]
    assert closed[2].startswith(b"HTTP/1.1 200")
    assert b"faces" in closed[3]


@pytest.mark.parametrize("public", ["photos.example", "Photos.example:8443"])
@pytest.mark.parametrize("passes", [True, False], ids=["passes the host on", "sends its own"])
def test_a_service_behind_a_proxy_answers_its_page_and_no_other(public: str, *, passes: bool):
    app = create_app(service(), hosts=allowed_hosts("127.0.0.1", public), public_host=public)
    host = public.lower() if passes else "127.0.0.1:8000"
    with TestClient(app) as client:
        for origin, status in (
            (f"https://{public.lower()}", 200), ("https://evil.example", 403), ("https://", 403), ("null", 403)
        ):  # fmt: skip
            headers = {"host": host, "origin": origin}
            assert client.post("/detect", files={"photo": photo(RED)}, headers=headers).status_code == status
        assert client.get("/healthz", headers={"host": "evil.example"}).status_code == 400


@pytest.mark.parametrize(
    "public", ["https://photos.example", "photos.example/faces", "a@b", ":80", "a:b", "[::", "a:99999"]
)
def test_a_public_host_that_is_none_is_refused_in_a_sentence(public: str):
    check_public_host("")
    check_public_host("photos.example:8443")
    with pytest.raises(UserError, match=r"^--public_host is .*; expected a host as in the URL of the proxy"):
        check_public_host(public)
