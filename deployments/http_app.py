"""The FastAPI application around the ingress: routes, documents, static files, headers, errors."""

import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.staticfiles import StaticFiles
from fastapi_offline import FastAPIOffline
from ray.exceptions import RayError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from carpose import __version__
from carpose.errors import BadParameter, CarposeError
from carpose.schema import Comparison, PoseResponse, Problem
from deployments.problems import MEDIA_TYPE, Meaning, as_problem, problem

logger = logging.getLogger("ray.serve")

WEB = Path(__file__).parent / "web"

PAGE_POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
DOCS_POLICY = (
    "default-src 'self'; img-src 'self' data:; "
    "script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'"
)
DOCS = "/docs"

_IMAGE = {"type": "string", "format": "binary"}
_JSON_IMAGE = {
    "type": "object",
    "required": ["image"],
    "properties": {"image": {"type": "string", "description": "base64, or a data URL"}},
}
POSE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {"type": "object", "required": ["image"], "properties": {"image": _IMAGE}}
            },
            "image/jpeg": {"schema": _IMAGE},
            "image/png": {"schema": _IMAGE},
            "image/webp": {"schema": _IMAGE},
            "image/heic": {"schema": _IMAGE},
            "application/json": {"schema": _JSON_IMAGE},
        },
    }
}
LEGACY_BODY: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": _JSON_IMAGE}}}
}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"description": codes, "model": Problem, "content": {MEDIA_TYPE: {}}}
    for status, codes in {
        400: "bad-image",
        413: "too-large, too-many-pixels",
        415: "unsupported-type",
        422: "bad-parameter, no-car, multiple-cars",
        500: "internal",
        502: "upstream-error",
        503: "overloaded, engine-unavailable",
        504: "timeout",
    }.items()
}


def http_app(ingress: Any, allow_origins: tuple[str, ...]) -> FastAPI:
    """The application whose routes are methods of the object `ingress`."""
    app = FastAPIOffline(
        title="carpose",
        version=__version__,
        description="The side, angle, parts and pixels of the car in a photo.",
        redoc_url=None,
    )
    route = app.add_api_route
    route(
        "/v1/pose",
        ingress.pose,
        methods=["POST"],
        response_model=PoseResponse | Comparison,
        responses=PROBLEMS,
        openapi_extra=POSE_BODY,
    )
    route("/v1/models", ingress.models, methods=["GET"])
    for path, method in (
        ("/detectron", ingress.legacy_detectron),
        ("/rekognition", ingress.legacy_rekognition),
    ):
        route(path, method, methods=["POST"], responses=PROBLEMS, openapi_extra=LEGACY_BODY)
    route("/healthz", ingress.healthz, methods=["GET"])
    route("/readyz", ingress.readyz, methods=["GET"])
    route("/", ingress.page, methods=["GET"], include_in_schema=False)
    app.mount("/web", StaticFiles(directory=WEB), name="web")
    app.middleware("http")(_security_headers)
    if allow_origins:
        app.add_middleware(CORSMiddleware, allow_origins=list(allow_origins), allow_methods=["*"])
    # RayError covers what a remote deployment raised; Exception is what remains, a bug of ours.
    for kind in (CarposeError, RayError, TimeoutError, Exception):
        app.add_exception_handler(kind, _problem)
    app.add_exception_handler(RequestValidationError, _bad_parameter)
    app.add_exception_handler(HTTPException, _http_error)
    return app


async def _problem(request: Request, error: Exception) -> Response:
    response = as_problem(request, error)
    if response.status_code == 500:
        logger.error("a bug of ours: %s", type(error).__name__, exc_info=error)
    return response


async def _bad_parameter(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    return as_problem(request, BadParameter(f"{first['loc'][-1]}: {first['msg']}"))


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = {404: "not-found", 405: "method-not-allowed"}.get(error.status_code, "bad-request")
    headers = dict(error.headers or {})
    return problem(request, Meaning(error.status_code, code, str(error.detail)), headers)


async def _security_headers(
    request: Request, call_next: Callable[[Request], Awaitable[Response]]
) -> Response:
    response = await call_next(request)
    docs = request.url.path.startswith(DOCS)
    # Swagger UI starts from an inline script; the page has none.
    policy = DOCS_POLICY if docs else PAGE_POLICY
    response.headers.setdefault("Content-Security-Policy", policy)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "no-referrer")
    if request.url.path.startswith(("/v1", "/detectron", "/rekognition")):
        response.headers.setdefault("Cache-Control", "no-store")
    elif not docs:
        # Asked anew each time: after an upgrade a browser must not mix old and new modules.
        response.headers.setdefault("Cache-Control", "no-cache")
    return response
