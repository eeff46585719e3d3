"""Faults and odd requests: an answer in the usual shape, a log without values, and a count in the metrics."""

import contextlib
import socket
import threading
import time
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from lfw_jax.serving.app import create_app
from tests.serving.running import running
from tests.serving.stub import RED, detector, photo, service

PHOTO = {"photo": photo(RED)}


def code(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


@pytest.mark.parametrize("origin", ["http://[", "http://[::1", "http://]/", "//[x]"])
def test_a_malformed_origin_is_foreign(origin: str):
    with TestClient(create_app(service())) as client:
        assert code(client.post("/detect", files=PHOTO, headers={"origin": origin})) == (403, "cross_origin")


def test_a_fault_of_a_route_is_answered_counted_and_logged_without_values(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    made = service()

    def broken(_: float) -> Any:
        raise KeyError(photo(RED)[1:4].decode() + "-secret")

    monkeypatch.setattr(made.tasks, "point", broken)
    with TestClient(create_app(made)) as client:
        response = client.post("/verify", files={"first": photo(RED), "second": photo(RED)})
        assert code(response) == (500, "internal")
        assert response.headers["x-content-type-options"] == "nosniff"
        text = client.get("/metrics").text
    assert 'lfw_jax_requests_total{route="/verify",status="500"} 1.0' in text
    assert 'lfw_jax_refused_total{code="internal"} 1.0' in text
    assert "KeyError" in caplog.text
    assert "PNG-secret" not in caplog.text


@pytest.mark.parametrize(("path", "status"), [("/nothing", 404), ("/detect", 408)])
def test_a_refused_upload_that_never_ends_loses_its_connection(path: str, status: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("lfw_jax.serving.gate._DISCARD_SECONDS", 0.1)
    head = f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 999\r\n\r\n"
    with running(service(upload_seconds=0.1)) as url:
        address, port = url.removeprefix("http://").split(":")
        with socket.create_connection((address, int(port)), timeout=5) as connection:
            connection.sendall(head.encode() + b"--x\r\n")
            with connection.makefile("rb") as answer:
                text = answer.read().decode()  # to the end of the connection
    assert text.startswith(f"HTTP/1.1 {status} ")
    assert "connection: close" in text.lower()


def test_a_refused_request_that_is_complete_keeps_its_connection():
    with TestClient(create_app(service())) as client:
        assert "connection" not in client.get("/nothing").headers
        assert "connection" not in client.post("/nothing", files=PHOTO).headers


def test_what_waits_for_a_client_that_is_gone_is_not_begun():
    begun, release = threading.Semaphore(0), threading.Event()
    calls: list[int] = []

    def slow(images: Any) -> Any:
        calls.append(1)
        begun.release()
        assert release.wait(20)
        return detector(images)

    made = service(find=slow)
    statuses: list[int] = []
    with running(made) as url:

        def post(seconds: float) -> None:
            with contextlib.suppress(httpx2.TimeoutException):
                statuses.append(httpx2.post(f"{url}/detect", files=PHOTO, timeout=seconds).status_code)

        patient = [threading.Thread(target=post, args=[20]) for _ in range(2)]  # one for each thread of the service
        for one in patient:
            one.start()
            assert begun.acquire(timeout=20)
        post(0.3)  # gives up
        until = time.monotonic() + 10
        while made.admission.accepted > 2:
            assert time.monotonic() < until
            time.sleep(0.01)
        release.set()
        for one in patient:
            one.join(20)
    assert (statuses, len(calls)) == ([200, 200], 2)
