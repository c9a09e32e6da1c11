"""The FastAPI application around the ingress: routes, documents, static files, headers, errors."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from fastapi import Depends, FastAPI, Request
from fastapi.middleware.cors import CORSMiddleware
from fastapi.security import APIKeyHeader, HTTPBearer
from starlette.responses import Response

from carpose import __version__
from carpose.schema import Comparison, PoseResponse, SetResponse
from deployments.docs_page import docs_page
from deployments.guard import HEADER
from deployments.parameters import Parameter
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
    "script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
)
DOCS = "/docs"

DESCRIPTION = "The side, angle, parts and pixels of the car in a photo."
PHOTOS, SERVER, SAMPLE = "Photos", "This server", "AWS sample"
GROUPS = [
    {"name": PHOTOS, "description": "Send a photo, get its pose."},
    {"name": SERVER, "description": "What it runs, what it takes, and whether it is well."},
    {"name": SAMPLE, "description": "The two calls of the original, for an app that has them."},
]

_FILE = {"type": "string", "format": "binary"}
_TEXT = {"type": "string", "description": "base64, or a data URL"}
_READ = ("image/jpeg", "image/png", "image/webp", "image/heic", "image/avif")


def _object(image: dict[str, Any]) -> dict[str, Any]:
    return {"schema": {"type": "object", "required": ["image"], "properties": {"image": image}}}


POSE_BODY: dict[str, Any] = {
    "required": True,
    "description": "The photo. Parameters may stand beside it in the form or the JSON too.",
    "content": {
        "multipart/form-data": _object(_FILE),
        "application/json": _object(_TEXT),
        **{media_type: {"schema": _FILE} for media_type in _READ},
    },
}
SET_BODY: dict[str, Any] = {
    "required": True,
    "description": "Photos of one car, each under the same name.",
    "content": {
        "multipart/form-data": _object({"type": "array", "items": _FILE}),
        "application/json": _object({"type": "array", "items": _TEXT}),
    },
}
LEGACY_BODY: dict[str, Any] = {"required": True, "content": {"application/json": _object(_TEXT)}}


_KEY_SCHEMES = (
    HTTPBearer(auto_error=False, scheme_name="bearer", description="An API key"),
    APIKeyHeader(name=HEADER, auto_error=False, scheme_name="header", description="An API key"),
)


class Cors(NamedTuple):
    """Pages on other hosts that may call this server, and the headers that they may send."""

    origins: Sequence[str] = ()
    headers: Sequence[str] = ()


EXPOSED = ("Retry-After", "X-Request-ID")
"""Headers of an answer that such a page may read."""


def http_app(
    ingress: Any,
    cors: Cors,
    parameters: Sequence[Parameter],
    set_parameters: Sequence[Parameter] = (),
    asks_for_keys: bool = False,
) -> FastAPI:
    """The application whose routes are methods of the object `ingress`, and whose `admit` stands
    before those that are not everybody's; `parameters` are those of `POST /v1/pose`,
    `set_parameters` those of `POST /v1/set`."""
    app = FastAPI(
        title="carpose",
        version=__version__,
        description=DESCRIPTION,
        openapi_tags=GROUPS,
        docs_url=None,
        redoc_url=None,
        # Where the document itself is, below whatever prefix.
        servers=[{"url": ".", "description": "this server"}],
        root_path_in_servers=False,
    )
    problems = documented()
    admitted: list[Any] = [Depends(ingress.admit)]
    if asks_for_keys:
        # These only document it, each for itself enough; `admit` is who looks.
        admitted += [Depends(scheme) for scheme in _KEY_SCHEMES]
    for path, method, model, known, body, summary in (
        (
            "/v1/pose", ingress.pose, PoseResponse | Comparison, parameters, POSE_BODY,
            "The pose of the car in a photo",
        ),
        (
            "/v1/set", ingress.set, SetResponse, set_parameters, SET_BODY,
            "Several photos of one car",
        ),
    ):  # fmt: skip
        app.add_api_route(
            path,
            method,
            methods=["POST"],
            response_model=model,
            responses=problems,
            # The ingress reads them itself, wherever they stand.
            openapi_extra={
                "parameters": [parameter.documented() for parameter in known],
                "requestBody": body,
            },
            dependencies=admitted,
            tags=[PHOTOS],
            summary=summary,
        )
    for path, method, summary, before in (
        ("/v1/models", ingress.models, "The models in use", admitted),
        ("/v1/limits", ingress.limits, "What a photo may be", admitted),
        ("/v1/rules", ingress.rules, "The rules, and the sets of them that have names", admitted),
        ("/healthz", ingress.healthz, "Whether it answers", []),
        ("/readyz", ingress.readyz, "Whether its models are loaded", []),
    ):
        _get(app, path, method, tags=[SERVER], summary=summary, dependencies=before)
    for path, method, summary in (
        ("/detectron", ingress.legacy_detectron, "By own models"),
        ("/rekognition", ingress.legacy_rekognition, "By Amazon Rekognition"),
    ):
        app.add_api_route(
            path,
            method,
            methods=["POST"],
            responses=problems,
            openapi_extra={"requestBody": LEGACY_BODY},
            dependencies=admitted,
            tags=[SAMPLE],
            summary=summary,
        )
    for path, at, assets in (
        ("/", "/web", WebAssets.of(WEB)),
        (DOCS, DOCS, docs_page("carpose: API")),
    ):
        _get(app, path, assets.page, include_in_schema=False)
        for name in ("{name}", "{version}/{name}"):
            _get(app, f"{at}/{name}", assets.file, include_in_schema=False)
    app.middleware("http")(_headers)
    if cors.origins:
        # Added last, it stands outermost: errors have its headers too.
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(cors.origins),
            allow_methods=["GET", "HEAD", "POST"],
            allow_headers=list(cors.headers),
            expose_headers=list(EXPOSED),
        )
    for kind in MEANINGS:
        app.add_exception_handler(kind, _problem)
    return app


def _get(app: FastAPI, path: str, method: Callable[..., Any], **about: Any) -> None:
    """A route of GET, and of HEAD, which nobody needs to have documented."""
    app.add_api_route(path, method, methods=["GET"], **about)
    app.add_api_route(path, method, methods=["HEAD"], **about | {"include_in_schema": False})


async def _problem(request: Request, error: Exception) -> Response:
    response = as_problem(request, error)
    if response.status_code == 500:
        logger.error("a bug of ours: %s", type(error).__name__, exc_info=error)
    return response


async def _headers(
    request: Request, call_next: Callable[[Request], Awaitable[Response]]
) -> Response:
    try:
        response = await call_next(request)
    except Exception as error:
        # Starlette would answer a bug outside of all middleware, without any of its headers.
        response = await _problem(request, error)
    # An application may be served under a prefix, which is no part of its paths.
    path = request.url.path.removeprefix(request.scope.get("root_path", ""))
    docs = path.startswith(DOCS)
    # Swagger UI starts from an inline script; the page has none.
    policy = DOCS_POLICY if docs else PAGE_POLICY
    response.headers.setdefault("Content-Security-Policy", policy)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "no-referrer")
    if path.startswith(("/v1", "/detectron", "/rekognition")):
        response.headers.setdefault("Cache-Control", "no-store")
    else:
        # Asked anew each time: after an upgrade a browser must not mix old and new modules.
        response.headers.setdefault("Cache-Control", "no-cache")
    return response
