"""The FastAPI application around the ingress: routes, documents, static files, headers, errors."""

import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.middleware.cors import CORSMiddleware
from fastapi_offline import FastAPIOffline
from starlette.responses import Response

from carpose import __version__
from carpose.schema import Comparison, PoseResponse
from deployments.docs_page import docs_page
from deployments.problems import MEANINGS, as_problem, documented
from deployments.web_assets import WebAssets

logger = logging.getLogger("ray.serve")

WEB = Path(__file__).parent / "web"

PAGE_POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; "
    "base-uri 'none'; frame-ancestors 'none'; "
    # A picture's address dropped on the page is read by the browser, where its host allows that.
    "connect-src 'self' https: http:"
)
DOCS_POLICY = (
    "default-src 'self'; img-src 'self' data:; "
    "script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'"
)
DOCS = "/docs"

DESCRIPTION = "The side, angle, parts and pixels of the car in a photo."
PHOTOS, SERVER, SAMPLE = "Photos", "This server", "The original AWS sample"
GROUPS = [
    {"name": PHOTOS, "description": "Send a photo, get its pose."},
    {"name": SERVER, "description": "What it runs, what it takes, and whether it is well."},
    {"name": SAMPLE, "description": "Its two calls, for an app that already uses them."},
]

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


def http_app(ingress: Any, allow_origins: tuple[str, ...]) -> FastAPI:
    """The application whose routes are methods of the object `ingress`."""
    app = FastAPIOffline(
        title="carpose",
        version=__version__,
        description=DESCRIPTION,
        openapi_tags=GROUPS,
        docs_url=None,
        redoc_url=None,
    )
    route, problems = app.add_api_route, documented()
    route(
        "/v1/pose",
        ingress.pose,
        methods=["POST"],
        response_model=PoseResponse | Comparison,
        responses=problems,
        openapi_extra=POSE_BODY,
        tags=[PHOTOS],
        summary="The pose of the car in a photo",
    )
    for path, method, summary in (
        ("/v1/models", ingress.models, "The models in use"),
        ("/v1/limits", ingress.limits, "What a photo may be"),
        ("/healthz", ingress.healthz, "Whether it answers"),
        ("/readyz", ingress.readyz, "Whether its models are loaded"),
    ):
        route(path, method, methods=["GET"], tags=[SERVER], summary=summary)
    for path, method, summary in (
        ("/detectron", ingress.legacy_detectron, "By own models"),
        ("/rekognition", ingress.legacy_rekognition, "By Amazon Rekognition"),
    ):
        route(
            path,
            method,
            methods=["POST"],
            responses=problems,
            openapi_extra=LEGACY_BODY,
            tags=[SAMPLE],
            summary=summary,
        )
    route(DOCS, docs_page, methods=["GET"], include_in_schema=False)
    assets = WebAssets(WEB)
    route("/", assets.page, methods=["GET"], include_in_schema=False)
    for path in ("/web/{name}", "/web/{version}/{name}"):
        route(path, assets.file, methods=["GET"], include_in_schema=False)
    app.middleware("http")(_security_headers)
    if allow_origins:
        app.add_middleware(CORSMiddleware, allow_origins=list(allow_origins), allow_methods=["*"])
    for kind in MEANINGS:
        app.add_exception_handler(kind, _problem)
    return app


async def _problem(request: Request, error: Exception) -> Response:
    response = as_problem(request, error)
    if response.status_code == 500:
        logger.error("a bug of ours: %s", type(error).__name__, exc_info=error)
    return response


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
