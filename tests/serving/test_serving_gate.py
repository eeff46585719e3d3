"""Access, rate, admission and sizes: who is answered, how many at a time, and that uploads stay in memory."""

import asyncio
import tempfile
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from lfw_jax.serving.access import allowed_hosts
from lfw_jax.serving.admission import Admission
from lfw_jax.serving.app import create_app
from lfw_jax.serving.limits import Limits
from lfw_jax.serving.page import PAGE_FILES
from lfw_jax.serving.rate_limit import RateLimit
from lfw_jax.serving.refusal import RefusedError
from tests.serving.stub import BLUE, RED, detector, encoded, photo, service

TOKEN = "0123456789abcdef"
PHOTO = {"photo": photo(RED)}


def client_of(token: str = "", hosts: Any = None, **options: Any) -> TestClient:
    return TestClient(create_app(service(**options), token=token, hosts=hosts), raise_server_exceptions=False)


def code(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


@pytest.fixture
def guarded() -> Iterator[TestClient]:
    with client_of(TOKEN) as client:
        yield client


def test_every_route_but_health_and_the_bare_page_needs_the_token(guarded: TestClient):
    for path in ("/healthz", *PAGE_FILES):
        assert guarded.get(path).status_code == 200
    for path in ("/card", "/metrics", "/about", "/openapi.json", "/nothing", "/card/"):
        response = guarded.get(path)
        assert code(response) == (401, "unauthorised")
        assert response.headers["www-authenticate"] == "Bearer"
    for route in ("/detect", "/embed", "/verify", "/search"):
        assert code(guarded.post(route, files=PHOTO)) == (401, "unauthorised")
    for wrong in (TOKEN, f"Basic {TOKEN}", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", "Bearer ", "Bearer ünïcödé"):
        assert guarded.get("/card", headers={"authorization": wrong.encode()}).status_code == 401
    right = {"authorization": f"Bearer {TOKEN}"}
    assert guarded.get("/card", headers=right).status_code == 200
    assert guarded.post("/detect", files=PHOTO, headers=right).status_code == 200


def test_the_public_files_hold_nothing_of_the_model(guarded: TestClient):
    for path in PAGE_FILES:
        text = guarded.get(path).text
        assert "pairsDevTest" not in text
        assert "synthetic faces" not in text


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "evil.example:80", "", "[::2]", "a]b"])
def test_other_host_names_are_refused(host: str):
    with client_of(hosts=allowed_hosts("127.0.0.1")) as client:
        assert code(client.get("/healthz", headers={"host": host})) == (400, "unknown_host")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8000", "127.0.0.1:9", "[::1]:8000"])
def test_names_of_this_machine_are_answered(host: str):
    with client_of(hosts=allowed_hosts("127.0.0.1")) as client:
        assert client.get("/healthz", headers={"host": host}).status_code == 200


def test_a_public_service_has_its_own_name_and_one_on_all_addresses_any():
    assert "photos.example" in (allowed_hosts("Photos.example") or ())
    assert allowed_hosts("0.0.0.0") is allowed_hosts("::") is None


def test_posts_of_pages_of_other_sites_are_refused():
    with client_of() as client:
        for headers in (
            {"origin": "http://evil.example"},
            {"origin": "http://testserver:81"},
            {"origin": "null"},
            {"sec-fetch-site": "cross-site"},
        ):
            assert code(client.post("/detect", files=PHOTO, headers=headers)) == (403, "cross_origin")
        own = {"origin": "http://testserver", "sec-fetch-site": "same-origin"}
        assert client.post("/detect", files=PHOTO, headers=own).status_code == 200
        assert client.options("/detect", headers={"origin": "http://evil.example"}).status_code == 403


def test_every_answer_forbids_what_the_page_does_not_need():
    with client_of() as client:
        for path in ("/", "/card", "/nothing", "/metrics"):
            headers = client.get(path).headers
            assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["x-frame-options"] == "DENY"
            assert headers["referrer-policy"] == "no-referrer"
            assert headers["cache-control"] == "no-store"
            assert not {"access-control-allow-origin", "server", "x-refusal"} & set(headers)


def test_a_client_with_too_many_requests_waits():
    with client_of(requests_per_minute=3) as client:
        assert [client.get("/card").status_code for _ in range(5)] == [200, 200, 200, 429, 429]
        response = client.get("/card")
        assert '"too_many_requests", "message": "More than 3 requests in a minute on average.' in response.text
        assert 1 <= int(response.headers["retry-after"]) <= 20
        assert client.get("/healthz").status_code == 200


@given(st.integers(1, 600), st.lists(st.floats(0, 30), max_size=60))
def test_no_minute_has_more_requests_than_twice_the_rate(per_minute: int, pauses: list[float]):
    now, times = 0.0, []
    limit = RateLimit(per_minute, lambda: now)
    for pause in pauses * 5:
        now += pause
        if limit.seconds_to_wait("a") == 0:
            times.append(now)
    for start in times:  # the bucket may be full, and fills once in a minute
        assert sum(start <= one < start + 60 for one in times) <= 2 * per_minute


@given(st.integers(1, 50))
def test_a_client_may_send_after_the_seconds_that_it_was_told(per_minute: int):
    now = 0.0
    limit = RateLimit(per_minute, lambda: now)
    while (wait := limit.seconds_to_wait("a")) == 0:
        pass
    assert limit.seconds_to_wait("b") == 0
    now += wait + 1e-6
    assert limit.seconds_to_wait("a") == 0


def test_uploads_are_limited_also_without_a_length():
    def chunks(size: int) -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a"\r\n\r\n'
        for _ in range(size // 1000):
            yield bytes(1000)
        yield b"\r\n--x--\r\n"

    headers = {"content-type": "multipart/form-data; boundary=x"}
    with client_of(photo_bytes=100_000) as client:
        assert code(client.post("/detect", content=chunks(90_000), headers=headers)) == (415, "unsupported_type")
        for size in (110_000, 3_000_000):
            assert code(client.post("/detect", content=chunks(size), headers=headers)) == (413, "too_large")


def test_uploads_share_a_limit_of_memory():
    admission = Admission(Limits(memory_bytes=100, accepted=2))
    with admission.request() as one, admission.request() as other:
        one.grow(60)
        with pytest.raises(RefusedError, match="take all memory") as refused:
            other.grow(41)
        assert (refused.value.status, refused.value.headers) == (503, {"Retry-After": "1"})
        other.grow(40)
        with pytest.raises(RefusedError, match="2 requests wait already"), admission.request():
            pass
    assert (admission.accepted, admission.held) == (0, 0)


def test_no_upload_reaches_a_disk(monkeypatch: pytest.MonkeyPatch):
    def refused(*_: Any, **__: Any) -> Any:
        raise AssertionError("a temporary file")

    for name in ("SpooledTemporaryFile", "TemporaryFile", "NamedTemporaryFile", "mkstemp"):
        monkeypatch.setattr(tempfile, name, refused)
    monkeypatch.setattr("starlette.formparsers.SpooledTemporaryFile", refused)
    noise = np.random.default_rng(0).integers(0, 256, (1100, 1600, 3), dtype=np.uint8)
    with client_of() as client:
        large = encoded(noise)
        assert len(large) > 2**22
        assert client.post("/detect", files={"photo": large}).status_code == 200
        assert client.post("/verify", files={"first": large, "second": photo(BLUE)}).status_code == 200


def test_more_requests_than_are_accepted_are_refused_and_the_others_answered():
    release, entered = threading.Event(), threading.Semaphore(0)

    def slow(images: Any) -> Any:
        entered.release()
        assert release.wait(20)
        return detector(images)

    statuses: list[int] = []
    with client_of(find=slow, accepted=3) as client:

        def post() -> None:
            statuses.append(client.post("/detect", files=PHOTO).status_code)

        threads = [threading.Thread(target=post) for _ in range(3)]
        for thread in threads:
            thread.start()
        for _ in range(2):  # the threads of the service
            assert entered.acquire(timeout=20)
        until = time.monotonic() + 20
        while "lfw_jax_in_flight 4.0" not in client.get("/metrics").text:  # the third one waits
            assert time.monotonic() < until
        response = client.post("/detect", files=PHOTO)
        assert code(response) == (503, "busy")
        assert response.headers["retry-after"] == "1"
        release.set()
        for thread in threads:
            thread.join(20)
    assert statuses == [200] * 3


def test_a_slow_upload_is_given_up():
    app = create_app(service(upload_seconds=0.2))
    sent: list[Any] = []

    async def call() -> None:
        begun = False

        async def receive() -> Any:
            nonlocal begun
            if not begun:
                begun = True
                return {"type": "http.request", "body": b"--x\r\n", "more_body": True}
            await asyncio.sleep(60)
            raise AssertionError("the service waits too long")

        async def send(message: Any) -> None:
            sent.append(message)

        headers = [(b"content-type", b"multipart/form-data; boundary=x"), (b"host", b"a"), (b"expect", b"100-continue")]
        scope = {
            "type": "http", "method": "POST", "path": "/detect", "raw_path": b"/detect", "query_string": b"",
            "headers": headers, "client": ("a", 1), "server": ("a", 80), "scheme": "http", "http_version": "1.1",
            "root_path": "",
        }  # fmt: skip
        await app(scope, receive, send)

    asyncio.run(call())
    assert sent[0]["status"] == 408


def test_a_stopping_service_refuses_new_requests():
    app = create_app(service())
    with TestClient(app) as client:
        app.stopping = True
        assert code(client.get("/healthz")) == (503, "stopping")
        assert code(client.post("/detect", files=PHOTO)) == (503, "stopping")
        assert client.get("/metrics").status_code == 200
