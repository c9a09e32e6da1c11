"""Errors as HTTP: the one place where an exception becomes a status and a problem+json body."""

import re
from http import HTTPStatus
from typing import Any

from ray.exceptions import RayActorError, RayError, RayTaskError
from ray.serve.exceptions import DeploymentUnavailableError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from carpose import errors
from carpose.schema import Problem

TYPE = "urn:carpose:problem#"
MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 2

STATUS: dict[type[Exception], int] = {
    errors.BadImage: 400,
    errors.TooLarge: 413,
    errors.TooManyPixels: 413,
    errors.UnsupportedType: 415,
    errors.BadParameter: 422,
    errors.NoCar: 422,
    errors.MultipleCars: 422,
    errors.UpstreamError: 502,
    errors.EngineUnavailable: 503,
}

TITLES = {
    "bad-image": "The upload is not a readable image",
    "too-large": "The upload is too large",
    "too-many-pixels": "The picture has too many pixels",
    "unsupported-type": "This media type is not supported",
    "bad-parameter": "A parameter has an unknown value",
    "no-car": "No car in the picture",
    "multiple-cars": "More than one car in the picture",
    "overloaded": "Too many photos at once",
    "engine-unavailable": "The engine is not available",
    "upstream-error": "The engine's service gave a broken answer",
    "timeout": "The photo took too long",
    "internal": "An error of ours",
    "not-found": "There is nothing here",
    "method-not-allowed": "This method is not allowed here",
}


class Overloaded(errors.CarposeError):
    """More photos at once than the server takes on."""

    code = "overloaded"


def root_cause(error: BaseException) -> BaseException:
    """The exception that a remote deployment raised, without Ray's wrapping."""
    return error.cause if isinstance(error, RayTaskError) and error.cause else error


def request_id(request: Request) -> str:
    """The id that Ray Serve's proxy gave the request, or took from its X-Request-ID header."""
    return re.sub(r"[^A-Za-z0-9._-]", "", request.headers.get("x-request-id", ""))[:64]


def problem(
    request: Request, status: int, code: str, detail: str, headers: dict[str, str] | None = None
) -> Response:
    """A problem+json response (RFC 9457)."""
    body = Problem(
        type=TYPE + code,
        title=TITLES.get(code, HTTPStatus(status).phrase),
        status=status,
        detail=detail,
        request_id=request_id(request) or None,
    )
    return JSONResponse(
        body.model_dump(exclude_none=True), status, headers=headers, media_type=MEDIA_TYPE
    )


def as_problem(request: Request, error: BaseException) -> Response:
    """The response that an exception means; an unknown one is our fault, without its text."""
    cause = root_cause(error)
    if isinstance(cause, errors.CarposeError) and type(cause) in STATUS:
        return problem(request, STATUS[type(cause)], cause.code, cause.detail)
    if isinstance(cause, Overloaded):
        detail = "all places in the queue are taken; try again shortly"
        wait = {"Retry-After": str(RETRY_AFTER_S)}
        return problem(request, 503, "overloaded", detail, wait)
    if isinstance(cause, TimeoutError):
        detail = "the deadline passed before the photo was done; try again"
        return problem(request, 504, "timeout", detail)
    if isinstance(cause, DeploymentUnavailableError | RayActorError):
        detail = "a part of the service is restarting; try again shortly"
        wait = {"Retry-After": str(RETRY_AFTER_S)}
        return problem(request, 503, "engine-unavailable", detail, wait)
    detail = "this is a bug; report it with the request id"
    return problem(request, 500, "internal", detail)


def outcome_of(error: BaseException) -> str:
    """The error's code, for metrics."""
    cause = root_cause(error)
    if isinstance(cause, errors.CarposeError):
        return cause.code
    return "timeout" if isinstance(cause, TimeoutError) else "internal"


def is_lost_replica(error: BaseException) -> bool:
    """Whether the work was lost with its replica, so that asking again is right.

    Ray reports it as the actor's death, or as an object that died with its owner.
    """
    lost = isinstance(error, RayError) and not isinstance(error, RayTaskError)
    cause: Any = root_cause(error)
    return lost or isinstance(cause, RayActorError)
