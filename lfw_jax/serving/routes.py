"""The routes that answer with JSON."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response

from lfw_jax.serving.answers import (
    DetectAnswer,
    EmbedAnswer,
    ErrorAnswer,
    HealthAnswer,
    SearchAnswer,
    VerifyAnswer,
)
from lfw_jax.serving.photo_faces import CHOICES
from lfw_jax.serving.refusal import RefusedError
from lfw_jax.serving.service import Service
from lfw_jax.serving.uploads import Fields, Form, read_form
from lfw_jax.typed_json import to_json

Responses = dict[int | str, dict[str, Any]]
"""Descriptions of answers by status."""

_FILE = {"type": "string", "format": "binary", "description": "A photo: JPEG, PNG or WebP."}
_FACE = {
    "type": "string",
    "pattern": "^(rule|only|all|centre|largest|best|[0-9]{1,3})$",
    "description": "The face: its number, from 0; rule for the model's rule (the default); only to refuse several faces; "
    "largest, best score, or nearest to the centre.",
}
_FMR = {
    "type": "number",
    "exclusiveMinimum": 0,
    "exclusiveMaximum": 1,
    "description": "The largest accepted false match rate.",
}
_SWITCH = {"type": "string", "enum": ["true", "false"], "description": "true to return pictures of faces."}
_REASONS = {
    400: "The form is damaged, or the Host header names another host.",
    401: "The token is missing or wrong.",
    403: "The request comes from a page of another site.",
    404: "There is no gallery.",
    408: "The upload takes too long.",
    413: "The photo, or the request, is too large.",
    415: "The content is not a multipart form, or the photo has another format.",
    422: "A field is wrong, or the photo has not the faces that are needed.",
    429: "The client sends too many requests.",
    500: "The service has a fault.",
    503: "The service is busy, or stops.",
}


_ERRORS: Responses = {code: {"model": ErrorAnswer, "description": reason} for code, reason in _REASONS.items()}


def photo_routes(service: Service) -> APIRouter:
    """Return the routes of a service that take photos.

    Args:
      service: the service.
    """
    router = APIRouter()
    limits = service.limits

    @router.post("/detect", responses=_ERRORS, openapi_extra=_form({"photo": _FILE}))
    async def detect(request: Request) -> DetectAnswer:
        """Find the faces of a photo."""
        with service.admission.request() as reservation:
            form = await read_form(request, Fields({"photo": 1}), limits, reservation)
            return await service.run(service.tasks.detect(form.photos["photo"][0]), request.receive)

    @router.post("/embed", responses=_ERRORS, openapi_extra=_form({"photos": _several(limits.photos)}, face=_FACE))
    async def embed(request: Request) -> EmbedAnswer:
        """Embed the faces of photos."""
        with service.admission.request() as reservation:
            form = await read_form(request, Fields({"photos": limits.photos}, ("face",)), limits, reservation)
            return await service.run(service.tasks.embed(form.photos["photos"], _face(form, "face")), request.receive)

    @router.post(
        "/verify",
        responses=_ERRORS,
        openapi_extra=_form(
            {"first": _FILE, "second": _FILE}, first_face=_FACE, second_face=_FACE, fmr=_FMR, crops=_SWITCH
        ),
    )
    async def verify(request: Request) -> VerifyAnswer:
        """Decide whether two photos show one identity."""
        with service.admission.request() as reservation:
            texts = ("first_face", "second_face", "fmr", "crops")
            form = await read_form(request, Fields({"first": 1, "second": 1}, texts), limits, reservation)
            faces = _face(form, "first_face", one=True), _face(form, "second_face", one=True)
            point = service.tasks.point(_number(form, "fmr", service.fmr))
            photos = form.photos["first"][0], form.photos["second"][0]
            return await service.run(
                service.tasks.verify(photos, faces, point, crops=_switch(form, "crops")), request.receive
            )

    @router.post(
        "/search",
        responses=_ERRORS,
        openapi_extra=_form({"photo": _FILE}, face=_FACE, top=_top(limits.hits), fmr=_FMR, crops=_SWITCH),
    )
    async def search(request: Request) -> SearchAnswer:
        """Find the faces of the gallery that are nearest to the face of a photo."""
        with service.admission.request() as reservation:
            form = await read_form(request, Fields({"photo": 1}, ("face", "top", "fmr", "crops")), limits, reservation)
            point = service.tasks.point(_number(form, "fmr", service.fmr))
            face, crops, top = (
                _face(form, "face", one=True),
                _switch(form, "crops"),
                _count(form, "top", 10, limits.hits),
            )
            return await service.run(
                service.tasks.search(form.photos["photo"][0], face, top, point, crops=crops), request.receive
            )

    return router


def state_routes(service: Service) -> APIRouter:
    """Return the routes of the card, the state and the metrics of a service.

    Args:
      service: the service.
    """
    router = APIRouter()
    reads: Responses = {code: _ERRORS[code] for code in (400, 401, 429, 503)}

    @router.get("/card", responses=reads)
    async def card() -> dict[str, Any]:
        """Return the card of the model: its error rates, what it was trained on, and its limits."""
        return to_json(service.card)

    @router.get("/healthz", responses={503: _ERRORS[503], 400: _ERRORS[400]})
    async def healthz() -> HealthAnswer:
        """Return ok while the service accepts requests."""
        return HealthAnswer(status="ok")

    @router.get("/metrics", response_class=Response, responses={**reads, 200: {"content": {"text/plain": {}}}})
    async def metrics() -> Response:
        """Return the metrics of the service for Prometheus."""
        return Response(service.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return router


def _several(most: int) -> dict[str, Any]:
    return {"type": "array", "items": _FILE, "minItems": 1, "maxItems": most}


def _top(most: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": 1, "maximum": most, "description": "The number of hits."}


def _form(photos: Mapping[str, Any], **texts: Any) -> dict[str, Any]:
    """Return the description of a form, with all photos required."""
    schema = {
        "type": "object",
        "properties": {**photos, **texts},
        "required": list(photos),
        "additionalProperties": False,
    }
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


def _face(form: Form, name: str, *, one: bool = False) -> str:
    value = form.texts.get(name, "rule")
    number = value.isascii() and value.isdecimal() and len(value) <= 3
    if not number and (value not in CHOICES or (one and value == "all")):
        names = ", ".join(choice for choice in CHOICES if not (one and choice == "all"))
        raise RefusedError(
            422, "wrong_value", f"The field {name} has another value; expected {names}, or a number from 0."
        )
    return value


def _number(form: Form, name: str, default: float) -> float:
    try:
        value = float(form.texts.get(name, default))
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise RefusedError(422, "wrong_value", f"The field {name} is not a number above 0 and below 1, such as 0.001.")
    return value


def _count(form: Form, name: str, default: int, most: int) -> int:
    value = form.texts.get(name, str(default))
    if not (value.isascii() and value.isdecimal() and len(value) <= 4 and 1 <= int(value) <= most):
        raise RefusedError(422, "wrong_value", f"The field {name} is not a whole number from 1 to {most}.")
    return int(value)


def _switch(form: Form, name: str) -> bool:
    value = form.texts.get(name, "false")
    if value not in ("true", "false"):
        raise RefusedError(422, "wrong_value", f"The field {name} has another value; expected true or false.")
    return value == "true"
