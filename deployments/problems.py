"""Errors as HTTP: one table of failures, from which answers, documents and metrics are made."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from fastapi.exceptions import RequestValidationError
from ray.exceptions import RayActorError, RayError, RayTaskError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from carpose.errors import CarposeError, EngineBusy
from carpose.schema import Problem
from deployments.gate import FULL

TYPE = "urn:carpose:problem#"
MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 2


class Failure(NamedTuple):
    """A kind of failure: its HTTP status and its title."""

    status: int
    title: str


FAILURES: dict[str, Failure] = {
    "bad-image": Failure(400, "The upload is not a readable image"),
    "bad-request": Failure(400, "The request cannot be read"),
    "unauthorized": Failure(401, "An API key is needed"),
    "not-found": Failure(404, "There is nothing here"),
    "method-not-allowed": Failure(405, "This method is not allowed here"),
    "upload-timeout": Failure(408, "The upload took too long"),
    "too-large": Failure(413, "The upload is too large"),
    "too-many-pixels": Failure(413, "The picture has too many pixels"),
    "unsupported-type": Failure(415, "This media type is not supported"),
    "bad-parameter": Failure(422, "A parameter has an unknown value"),
    "no-car": Failure(422, "No car in the picture"),
    "multiple-cars": Failure(422, "More than one car in the picture"),
    "rate-limited": Failure(429, "Too much for one client"),
    "internal": Failure(500, "An error of ours"),
    "upstream-error": Failure(502, "The engine's service gave a broken answer"),
    "overloaded": Failure(503, "Too many photos at once"),
    "engine-unavailable": Failure(503, "The engine is not available"),
    "timeout": Failure(504, "The photo took too long"),
}
"""By code, the stable word that a problem's `type` ends in and that metrics count by."""

ROUTING = {404: "not-found", 405: "method-not-allowed"}
"""Codes of what the router refuses before a photo is read; the rest is `bad-request`."""


class Overloaded(CarposeError):
    """More photos at once than the server takes on."""

    code = "overloaded"


class Full(Overloaded):
    """More photos at once than this replica has places for."""


class Draining(Overloaded):
    """This server is about to end."""


class Unauthorized(CarposeError):
    """No API key, or none that is known, where one is needed."""

    code = "unauthorized"


class RateLimited(CarposeError):
    """More than one client's share, rate or budget."""

    code = "rate-limited"

    def __init__(self, detail: str, retry_after_s: int = RETRY_AFTER_S) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class ShareTaken(RateLimited):
    """More photos at once than one client's fair share of the places."""


class UploadTimeout(CarposeError):
    """The photo was not here in time."""

    code = "upload-timeout"


@dataclass(frozen=True)
class Meaning:
    """What an exception means to a client; `retry_after_s` where another try is worth it."""

    code: str
    detail: str
    retry_after_s: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int:
        """The HTTP status."""
        return FAILURES[self.code].status

    def body(self, request_id: str | None = None) -> Problem:
        """Problem details (RFC 9457)."""
        status, title = FAILURES[self.code]
        return Problem(
            type=TYPE + self.code,
            title=title,
            status=status,
            detail=self.detail,
            request_id=request_id,
        )

    def response(self, request_id: str | None = None) -> Response:
        """The problem+json response."""
        wait = {"Retry-After": str(self.retry_after_s)} if self.retry_after_s else {}
        return JSONResponse(
            self.body(request_id).model_dump(exclude_none=True),
            self.status,
            headers={**self.headers, **wait},
            media_type=MEDIA_TYPE,
        )


def _bug(_: BaseException) -> Meaning:
    return Meaning("internal", "this is a bug; report it with the request id")


def _refusal(error: CarposeError) -> Meaning:
    # Those that no request can cause, such as a bad bundle, have no row in the table.
    return Meaning(error.code, error.detail) if error.code in FAILURES else _bug(error)


def _unauthorized(error: Unauthorized) -> Meaning:
    headers = {"WWW-Authenticate": 'Bearer realm="carpose"'}
    return Meaning(error.code, error.detail, headers=headers)


def _busy(error: EngineBusy | RateLimited) -> Meaning:
    return Meaning(error.code, error.detail, error.retry_after_s)


OVERLOADED = Meaning(
    "overloaded", "all places in the queue are taken; try again shortly", RETRY_AFTER_S
)


def _overloaded(_: BaseException) -> Meaning:
    return OVERLOADED


SHARE_TAKEN = Meaning(
    "rate-limited", "this client has its share of the places; try again shortly", RETRY_AFTER_S
)


def _full(_: BaseException) -> Meaning:
    return replace(OVERLOADED, headers={FULL.decode(): "all"})


def _share_taken(error: ShareTaken) -> Meaning:
    return replace(SHARE_TAKEN, detail=error.detail, headers={FULL.decode(): "client"})


def _draining(_: BaseException) -> Meaning:
    detail = "this server is about to end; try again shortly"
    return Meaning("overloaded", detail, RETRY_AFTER_S, {"Connection": "close"})


def _slow(error: UploadTimeout) -> Meaning:
    # What is still on its way would be taken for the next request.
    return Meaning(error.code, error.detail, headers={"Connection": "close"})


RESTARTING = Meaning(
    "engine-unavailable", "a part of the service is restarting; try again shortly", RETRY_AFTER_S
)


def _restarting(_: BaseException) -> Meaning:
    return RESTARTING


def _timeout(_: BaseException) -> Meaning:
    return Meaning("timeout", "the deadline passed before the photo was done; try again")


def _parameter(error: RequestValidationError) -> Meaning:
    first = error.errors()[0]
    return Meaning("bad-parameter", f"{first['loc'][-1]}: {first['msg']}")


def _routing(error: HTTPException) -> Meaning:
    code = ROUTING.get(error.status_code, "bad-request")
    return Meaning(code, str(error.detail), headers=error.headers or {})


MEANINGS: dict[type[Exception], Callable[[Any], Meaning]] = {
    CarposeError: _refusal,
    EngineBusy: _busy,
    Overloaded: _overloaded,
    Full: _full,
    Draining: _draining,
    ShareTaken: _share_taken,
    RateLimited: _busy,
    Unauthorized: _unauthorized,
    UploadTimeout: _slow,
    BackPressureError: _overloaded,
    TimeoutError: _timeout,
    DeploymentUnavailableError: _restarting,
    # What Ray raises itself is a process or an object that was lost; a task's error is its cause.
    RayError: _restarting,
    RayTaskError: _bug,
    RequestValidationError: _parameter,
    HTTPException: _routing,
    Exception: _bug,
}
"""By exception class; the nearest class of an exception's ancestry counts."""


def root_cause(error: BaseException) -> BaseException:
    """The exception that a remote deployment raised, without Ray's wrapping."""
    return error.cause if isinstance(error, RayTaskError) and error.cause else error


def meaning_of(error: BaseException) -> Meaning:
    """What an exception means; an unknown one is our fault, without its text."""
    cause = root_cause(error)
    for kind in type(cause).__mro__:
        if kind in MEANINGS:
            return MEANINGS[kind](cause)
    return _bug(cause)


def outcome_of(error: BaseException) -> str:
    """The code that the client is told, for metrics."""
    return meaning_of(error).code


def request_id(request: Request) -> str:
    """The id that Ray Serve's proxy gave the request, or took from its X-Request-ID header."""
    return clean_id(request.headers.get("x-request-id", ""))


def clean_id(said: str) -> str:
    """Of a client's words for a request, those that may stand in an answer and a log."""
    return re.sub(r"[^A-Za-z0-9._-]", "", said)[:64]


def as_problem(request: Request, error: BaseException) -> Response:
    """The problem+json response that an exception means."""
    return meaning_of(error).response(request_id(request) or None)


def documented() -> dict[int | str, dict[str, Any]]:
    """OpenAPI's responses of a route that takes a photo: every status with its codes."""
    codes: dict[int, list[str]] = {}
    for code, failure in FAILURES.items():
        if code not in ROUTING.values():
            codes.setdefault(failure.status, []).append(code)
    return {
        status: {"description": ", ".join(names), "model": Problem, "content": {MEDIA_TYPE: {}}}
        for status, names in codes.items()
    }


def is_lost_replica(error: BaseException) -> bool:
    """Whether the work was lost with its replica, so that asking again is right.

    Ray reports it as the actor's death, or as an object that died with its owner.
    """
    lost = isinstance(error, RayError) and not isinstance(error, RayTaskError)
    return lost or isinstance(root_cause(error), RayActorError)
