"""The service keeps its own OpenAPI document, for requests that schemathesis derives from it."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from lfw_jax.serving.app import create_app
from tests.serving.stub import service

schemathesis = pytest.importorskip("schemathesis", reason="needs the package schemathesis")

from schemathesis import checks  # noqa: E402

# Photos of random bytes are refused, which no schema can express.
KEPT = (
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
)


POSTS = ("/detect", "/embed", "/verify", "/search")
GETS = ("/card", "/healthz", "/metrics")


@pytest.fixture(scope="module")
def schema() -> Any:
    return schemathesis.openapi.from_asgi("/openapi.json", create_app(service(with_gallery=True)))


def test_the_document_describes_every_route(schema: Any):
    found = {(operation.ok().method.upper(), operation.ok().path) for operation in schema.get_all_operations()}
    assert found == {("POST", path) for path in POSTS} | {("GET", path) for path in GETS}


MODES = schemathesis.GenerationMode
CASES = [(path, mode) for path in POSTS for mode in MODES] + [(path, MODES.POSITIVE) for path in GETS]


@pytest.mark.parametrize(("path", "mode"), CASES, ids=str)
def test_answers_conform_to_the_document(schema: Any, path: str, mode: Any):
    operation = schema[path]["POST" if path in POSTS else "GET"]

    @given(operation.as_strategy(generation_mode=mode))
    @settings(max_examples=15, suppress_health_check=list(HealthCheck))
    def conforms(case: Any) -> None:
        case.validate_response(case.call(), checks=KEPT)

    conforms()
