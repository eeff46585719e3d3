"""The application: routes, errors in one shape, and the gate before them."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from importlib import metadata

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from lfw_jax.serving.gate import HEALTH, Gate, refusal_headers
from lfw_jax.serving.page import PAGE_FILES, page_routes
from lfw_jax.serving.refusal import RefusedError
from lfw_jax.serving.routes import photo_routes, state_routes
from lfw_jax.serving.service import Service

_CODES = {404: "no_such_route", 405: "wrong_method"}
_KNOWN = (
    "/detect",
    "/embed",
    "/verify",
    "/search",
    "/card",
    "/metrics",
    "/openapi.json",
    "/about",
    HEALTH,
    *PAGE_FILES,
)
_DESCRIPTION = (
    "Embeds faces, decides whether two photos show one identity, and searches a gallery. Uploads stay in memory until they are "
    "answered. It must not decide about people without their consent, nor without a human who checks."
)


def create_app(
    service: Service, *, token: str = "", hosts: Collection[str] | None = None, public_host: str = ""
) -> Gate:
    """Return the application of a service.

    Args:
      service: the service.
      token: the token that requests must send; "" for none.
      hosts: the names under which clients may call it; None for all.
      public_host: the host of a proxy in front, as URLs have it; "" for no proxy.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        service.start()
        yield
        service.close()

    routes = FastAPI(
        title="lfw_jax",
        version=metadata.version("lfw-jax"),
        description=_DESCRIPTION,
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    routes.include_router(photo_routes(service))
    routes.include_router(state_routes(service))
    routes.include_router(page_routes(service))

    @routes.exception_handler(RefusedError)
    async def refuse(_: Request, refusal: RefusedError) -> Response:
        return Response(refusal.body(), refusal.status, refusal_headers(refusal))

    @routes.exception_handler(HTTPException)
    async def refuse_route(_: Request, error: HTTPException) -> Response:
        code = _CODES.get(error.status_code, "refused")
        refusal = RefusedError(error.status_code, code, f"{error.detail}.", error.headers)
        return Response(refusal.body(), refusal.status, refusal_headers(refusal))

    @routes.exception_handler(Exception)
    async def refuse_fault(_: Request, __: Exception) -> Response:
        refusal = RefusedError(500, "internal", "The service has a fault, which its log states.")
        return Response(refusal.body(), refusal.status, refusal_headers(refusal))  # the gate logs the fault

    return Gate(
        routes,
        service.metrics,
        per_minute=service.limits.requests_per_minute,
        token=token,
        hosts=hosts,
        routes=_KNOWN,
        public=[HEALTH, *PAGE_FILES],
        public_host=public_host,
    )
