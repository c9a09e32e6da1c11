"""Errors as HTTP: the one place where an exception becomes a status and a problem+json body."""

import re
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Meaning:
    """What an exception means to a client; `retry_after_s` where another try is worth it."""

    status: int
    code: str
    detail: str
    retry_after_s: int | None = None

    def body(self, request_id: str | None = None) -> Problem:
        """Problem details (RFC 9457)."""
        return Problem(
            type=TYPE + self.code,
            title=TITLES.get(self.code, HTTPStatus(self.status).phrase),
            status=self.status,
            detail=self.detail,
            request_id=request_id,
        )


def meaning_of(error: BaseException) -> Meaning:
    """What an exception means; an unknown one is our fault, without its text."""
    cause = root_cause(error)
    if isinstance(cause, errors.EngineBusy):
        return Meaning(503, cause.code, cause.detail, cause.retry_after_s)
    if isinstance(cause, errors.CarposeError):
        for kind, status in STATUS.items():
            if isinstance(cause, kind):
                return Meaning(status, cause.code, cause.detail)
    if isinstance(cause, Overloaded):
        detail = "all places in the queue are taken; try again shortly"
        return Meaning(503, "overloaded", detail, RETRY_AFTER_S)
    if isinstance(cause, TimeoutError):
        return Meaning(504, "timeout", "the deadline passed before the photo was done; try again")
    if isinstance(cause, DeploymentUnavailableError | RayActorError):
        detail = "a part of the service is restarting; try again shortly"
        return Meaning(503, "engine-unavailable", detail, RETRY_AFTER_S)
    return Meaning(500, "internal", "this is a bug; report it with the request id")


def as_problem(request: Request, error: BaseException) -> Response:
    """The problem+json response that an exception means."""
    return problem(request, meaning_of(error))


def problem(request: Request, meaning: Meaning, headers: dict[str, str] | None = None) -> Response:
    """The problem+json response to `request`."""
    wait = {"Retry-After": str(meaning.retry_after_s)} if meaning.retry_after_s else {}
    body = meaning.body(request_id(request) or None)
    return JSONResponse(
        body.model_dump(exclude_none=True),
        meaning.status,
        headers={**wait, **(headers or {})},
        media_type=MEDIA_TYPE,
    )


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
