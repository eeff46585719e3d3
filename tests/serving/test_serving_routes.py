"""Every route answers, with what can be computed by hand; every refusal has its status, its code and a sentence."""

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from lfw_jax.serving.app import create_app
from tests.serving.stub import BLUE, GREEN, RED, ROSE, TILE, encoded, photo, service


def client_of(**options: Any) -> TestClient:
    return TestClient(create_app(service(**options), hosts={"testserver"}), raise_server_exceptions=False)


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with client_of(with_gallery=True) as client:
        yield client


def unit(colour: tuple[int, int, int]) -> np.ndarray:
    offset = np.asarray(colour, float) - 128
    return offset / np.linalg.norm(offset)


def code(response: Any) -> tuple[int, str]:
    found = response.json()
    assert response.headers["content-type"] == "application/json"
    assert found.keys() == {"error"}
    assert found["error"].keys() == {"code", "message"}
    message = found["error"]["message"]
    assert message[0].isupper() or ":" in message or message.startswith("fmr is")
    assert message.endswith(".")
    return response.status_code, found["error"]["code"]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_detect_returns_the_faces_of_a_photo_and_that_of_the_rule(client: TestClient, kind: str):
    content = photo(RED, None, BLUE, GREEN, kind=kind)
    found = client.post("/detect", files={"photo": content}).json()["photo"]
    assert (found["width"], found["height"], len(found["faces"]), found["crop"]) == (4 * TILE, TILE, 3, None)
    assert found["faces"][1]["box"] == [2 * TILE + 8, 8, 3 * TILE - 8, TILE - 8]
    assert len(found["faces"][0]["points"]) == 5
    assert found["face"] == 1  # nearest to the centre
    assert client.post("/detect", files={"photo": photo(None)}).json()["photo"]["faces"] == []


def test_a_rotated_photo_is_taken_upright(client: TestClient):
    picture, buffer = Image.open(io.BytesIO(photo(RED, None))).transpose(Image.Transpose.ROTATE_90), io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.save(buffer, "JPEG", exif=exif)
    found = client.post("/detect", files={"photo": buffer.getvalue()}).json()["photo"]
    assert (found["width"], found["height"]) == (2 * TILE, TILE)


def test_embed_returns_unit_embeddings_of_the_chosen_faces(client: TestClient):
    photos = [("photos", photo(RED, BLUE)), ("photos", photo(GREEN))]
    answer = client.post("/embed", files=photos, data={"face": "all"}).json()
    assert answer["model"] == "ab" * 32
    first, second = answer["photos"]
    assert [one["face"] for one in first["embeddings"]] == [0, 1]
    np.testing.assert_allclose(first["embeddings"][1]["embedding"], unit(BLUE), atol=1e-6)
    np.testing.assert_allclose(second["embeddings"][0]["embedding"], unit(GREEN), atol=1e-6)
    for choice, index in (("1", 1), ("best", 0), ("rule", 0), ("largest", 0), ("centre", 0)):
        (one,) = client.post("/embed", files=photos[:1], data={"face": choice}).json()["photos"]
        assert [face["face"] for face in one["embeddings"]] == [index]
    empty = client.post("/embed", files={"photos": photo(None)}, data={"face": "all"}).json()["photos"][0]
    assert (empty["faces"], empty["embeddings"]) == ([], [])


def test_many_faces_are_embedded_few_at_a_time():
    made = service(photos=16)
    with TestClient(create_app(made)) as client:
        photos = [("photos", photo(RED, BLUE, GREEN))] * 7
        answer = client.post("/embed", files=photos, data={"face": "all"}).json()
    assert sum(len(one["embeddings"]) for one in answer["photos"]) == 21
    sizes = made._verifier.system.sizes  # pyright: ignore[reportAttributeAccessIssue]
    assert sizes == [8, 8, 5]


def test_verify_decides_by_the_threshold_of_the_rate(client: TestClient):
    files = {"first": photo(RED), "second": photo(None, BLUE, ROSE)}
    fields = {"second_face": "1", "crops": "true"}
    answer = client.post("/verify", files=files, data=fields).json()
    distance = np.linalg.norm(unit(RED) - unit(ROSE))
    assert answer["distance"] == pytest.approx(distance, abs=1e-6)
    assert answer["log_likelihood_ratio"] == pytest.approx(5.4 - 6 * distance, abs=1e-5)
    assert answer["probability"] == pytest.approx(1 / (1 + np.exp(-5.4 + 6 * distance)), abs=1e-6)
    assert (answer["same"], answer["threshold"], answer["target_rate"]) == (True, 0.9, 0.01)
    assert answer["false_match_rate"] == {"value": pytest.approx(0.011), "interval": [0.005, 0.02]}
    assert answer["false_non_match_rate"]["interval"] == [0.2, 0.4]
    assert (answer["first"]["face"], answer["second"]["face"], len(answer["second"]["faces"])) == (0, 1, 2)
    assert answer["second"]["crop"].startswith("data:image/jpeg;base64,")
    other = client.post("/verify", files=files, data={"second_face": "0", "fmr": "0.1"}).json()
    assert (other["same"], other["threshold"], other["first"]["crop"]) == (False, 1.2, None)


def test_search_returns_the_nearest_faces(client: TestClient):
    answer = client.post("/search", files={"photo": photo(ROSE)}, data={"top": "3", "crops": "true"}).json()
    assert [hit["identity"] for hit in answer["hits"]] == ["Red", "", "Green"]
    first, second, _ = answer["hits"]
    assert (answer["gallery"], answer["threshold"], first["rank"], first["same"]) == (3, 0.9, 1, True)
    assert first["distance"] == pytest.approx(np.linalg.norm(unit(RED) - unit(ROSE)), abs=1e-6)
    odds = np.exp(first["log_likelihood_ratio"]) / 3  # three faces, and none of them, are equally likely before
    assert first["probability"] == pytest.approx(odds / (1 + odds), abs=1e-6)
    assert first["picture"].startswith("data:image/jpeg;base64,")
    assert (second["picture"], second["source"], second["same"]) == (None, "blue.png", False)
    assert len(client.post("/search", files={"photo": photo(RED)}, data={"top": "1"}).json()["hits"]) == 1


def test_without_a_gallery_a_search_says_so():
    with client_of() as client:
        response = client.post("/search", files={"photo": photo(RED)})
    assert code(response) == (404, "no_gallery")
    assert "started with --gallery" in response.json()["error"]["message"]


def test_a_model_without_alignment_takes_whole_photos():
    with client_of(aligned=False) as client:
        files = {"first": photo(RED), "second": photo(ROSE)}
        answer = client.post("/verify", files=files, data={"crops": "true"}).json()
        assert (answer["first"]["faces"], answer["first"]["face"]) == ([], None)
        assert answer["distance"] == pytest.approx(np.linalg.norm(unit(RED) - unit(ROSE)), abs=1e-6)
        assert client.get("/about").json()["whole"] is True
        for choice in ("0", "only", "largest"):
            assert code(client.post("/embed", files={"photos": photo(RED)}, data={"face": choice})) == (
                422,
                "no_such_face",
            )
        for choice in ("rule", "all"):
            assert client.post("/embed", files={"photos": photo(RED)}, data={"face": choice}).status_code == 200
        assert client.post("/detect", files={"photo": photo(RED)}).json()["photo"]["face"] is None


def test_the_card_health_and_metrics(client: TestClient):
    assert client.get("/card").json()["test"]["accuracy"] == 0.895
    assert client.get("/healthz").json() == {"status": "ok"}
    client.post("/detect", files={"photo": photo(RED)})
    client.post("/detect", files={"photo": b"none"})
    text = client.get("/metrics").text
    assert 'lfw_jax_requests_total{route="/detect",status="200"}' in text
    assert 'lfw_jax_requests_total{route="/detect",status="415"}' in text
    assert 'lfw_jax_refused_total{code="unsupported_type"}' in text
    assert 'lfw_jax_request_seconds_count{route="/detect"}' in text
    assert "lfw_jax_in_flight 1.0" in text
    assert float(text.split("\nlfw_jax_faces_total ")[1].split()[0]) > 0


RED_PHOTO = {"photo": photo(RED)}
PAIR = {"first": photo(RED), "second": photo(ROSE)}


@pytest.mark.parametrize(
    ("route", "files", "data", "expected"),
    [
        ("/detect", {"photo": b"GIF89a" + bytes(40)}, {}, (415, "unsupported_type")),
        ("/detect", {"photo": b""}, {}, (415, "unsupported_type")),
        ("/detect", {"photo": photo(RED)[:20]}, {}, (422, "unreadable_photo")),
        ("/detect", {"photo": photo(RED, BLUE, kind="JPEG")[:-300]}, {}, (422, "unreadable_photo")),
        ("/detect", {"photo": encoded(np.zeros((5000, 5000, 3), np.uint8))}, {}, (413, "too_large")),
        ("/detect", {"photo": photo(*[RED] * 33)}, {}, (422, "too_many_faces")),
        ("/detect", [("photo", photo(RED)), ("photo", photo(RED))], {}, (413, "too_many_photos")),
        ("/detect", {"picture": photo(RED)}, {}, (422, "unknown_field")),
        ("/embed", [("photos", photo(RED))] * 17, {}, (413, "too_many_photos")),
        ("/embed", {"photos": photo(None)}, {}, (422, "no_face")),
        ("/embed", {"photos": photo(RED, BLUE)}, {"face": "only"}, (422, "several_faces")),
        ("/embed", {"photos": photo(RED)}, {"face": "1"}, (422, "no_such_face")),
        ("/embed", {"photos": photo(RED)}, {"face": "nose"}, (422, "wrong_value")),
        ("/embed", {"photos": photo(RED)}, {"face": "x" * 300}, (422, "wrong_value")),
        ("/verify", {"first": photo(RED)}, {}, (422, "missing_photo")),
        ("/verify", {"first": photo(RED), "second": photo(None)}, {}, (422, "no_face")),
        ("/verify", PAIR, {"fmr": "1e-6"}, (422, "unsupported_rate")),
        ("/verify", PAIR, {"fmr": "2"}, (422, "wrong_value")),
        ("/verify", PAIR, {"fmr": "nan"}, (422, "wrong_value")),
        ("/verify", PAIR, {"fmr": "many"}, (422, "wrong_value")),
        ("/verify", PAIR, {"first_face": "all"}, (422, "wrong_value")),
        ("/verify", PAIR, {"crops": "yes"}, (422, "wrong_value")),
        ("/verify", PAIR, {"crops": ["true", "true"]}, (422, "wrong_value")),
        ("/verify", PAIR, {"colour": "red"}, (422, "unknown_field")),
        ("/search", RED_PHOTO, {"top": "0"}, (422, "wrong_value")),
        ("/search", RED_PHOTO, {"top": "51"}, (422, "wrong_value")),
    ],
)  # fmt: skip
def test_bad_requests_are_refused(client: TestClient, route: str, files: Any, data: Any, expected: tuple[int, str]):
    assert code(client.post(route, files=files, data=data)) == expected


def test_messages_name_the_photo(client: TestClient):
    message = client.post("/verify", files=PAIR | {"second": photo(None)}).json()["error"]["message"]
    assert message.startswith("second photo: found no face")


BEGUN = b'--x\r\nContent-Disposition: form-data; name="photo"\r\n\r\nabc'


@pytest.mark.parametrize(
    ("content", "kind", "expected"),
    [
        (b"{}", "application/json", (415, "not_a_form")),
        (b"a=b", "application/x-www-form-urlencoded", (415, "not_a_form")),
        (b"", "multipart/form-data", (415, "not_a_form")),
        (b"", "multipart/form-data; boundary=x", (400, "damaged_form")),
        (b"nonsense", "multipart/form-data; boundary=x", (400, "damaged_form")),
        (BEGUN, "multipart/form-data; boundary=x", (400, "damaged_form")),
    ],
)  # fmt: skip
def test_damaged_forms_are_refused(client: TestClient, content: bytes, kind: str, expected: tuple[int, str]):
    assert code(client.post("/detect", content=content, headers={"content-type": kind})) == expected


def test_other_routes_and_methods_are_refused_in_the_same_shape(client: TestClient):
    assert code(client.get("/nothing")) == (404, "no_such_route")
    response = client.get("/verify")
    assert code(response) == (405, "wrong_method")
    assert response.headers["allow"] == "POST"
    assert client.get("/docs").status_code == 404


def test_a_fault_is_logged_without_values(caplog: pytest.LogCaptureFixture):
    def broken(images: Any) -> Any:
        raise ValueError(f"the first pixel is {images[0][0, 0]}")

    with client_of(find=broken) as client:
        assert code(client.post("/detect", files=RED_PHOTO)) == (500, "internal")
    assert "ValueError" in caplog.text
    assert "[250" not in caplog.text  # the red of the first pixel
