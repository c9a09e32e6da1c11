"""What can come in place of an answer.

`Refusal` is what the server says (problem details, RFC 9457), with a class for each of its codes;
those that the library raises too are subclasses of the library's, so one `except` does for both.
"""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import httpx
from pydantic import ValidationError

from carpose import errors
from carpose.errors import CarposeError
from carpose.schema import Problem


class Unreachable(CarposeError):
    """No answer came: nobody listens there, the connection was lost, or time ran out."""

    code = "unreachable"


class BrokenAnswer(CarposeError):
    """An answer came that is none: something else listens there."""

    code = "broken-answer"


class Refusal(CarposeError):
    """A refusal of the server; one whose code is not known here is of this very class.

    problem: what it says. retry_after_s: seconds after which to ask again, where it says so.
    """

    code = "refused"

    def __init__(self, problem: Problem, retry_after_s: float | None = None) -> None:
        super().__init__(problem.detail)
        self.problem = problem
        self.retry_after_s = retry_after_s

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.problem.status

    @property
    def request_id(self) -> str | None:
        """What the server's log names this request by."""
        return self.problem.request_id

    @property
    def passes(self) -> bool:
        """Whether the same may be answered a little later: the server is full, or asks to wait."""
        says_when = self.retry_after_s is not None
        return self.status in (429, 503) and (says_when or not isinstance(self, EngineUnavailable))


class BadRequest(Refusal):
    """The request cannot be read."""

    code = "bad-request"


class NotFound(Refusal):
    """Nothing is there: the address is another's."""

    code = "not-found"


class MethodNotAllowed(Refusal):
    """The address is another's."""

    code = "method-not-allowed"


class UploadTimeout(Refusal):
    """The photo was not there in time."""

    code = "upload-timeout"


class Unauthorized(Refusal):
    """The key is missing or wrong."""

    code = "unauthorized"


class RateLimited(Refusal):
    """This key, or this machine, asked too often."""

    code = "rate-limited"


class Overloaded(Refusal):
    """More photos at once than the server takes on."""

    code = "overloaded"


class TimedOut(Refusal):
    """The server's deadline passed."""

    code = "timeout"


class Internal(Refusal):
    """A bug of the server; `request_id` finds it in its log."""

    code = "internal"


class BadImage(errors.BadImage, Refusal):
    """Not an image, truncated, empty, or not decodable."""


class TooLarge(errors.TooLarge, Refusal):
    """More bytes than the server's limit."""


class TooManyPixels(errors.TooManyPixels, Refusal):
    """More pixels than the server's limit."""


class UnsupportedType(errors.UnsupportedType, Refusal):
    """A format that is not read."""


class BadParameter(errors.BadParameter, Refusal):
    """A parameter, or its value, that the server does not know."""


class NoCar(errors.NoCar, Refusal):
    """No car in the picture."""


class MultipleCars(errors.MultipleCars, Refusal):
    """Several cars where exactly one is required."""


class EngineUnavailable(errors.EngineUnavailable, Refusal):
    """The engine asked for is not configured or cannot be reached."""


class UpstreamError(errors.UpstreamError, Refusal):
    """A service behind the engine gave a broken answer."""


REFUSALS: Final[dict[str, type[Refusal]]] = {
    kind.code: kind
    for kind in (
        BadImage, BadParameter, BadRequest, EngineUnavailable, Internal, MethodNotAllowed,
        MultipleCars, NoCar, NotFound, Overloaded, RateLimited, TimedOut, TooLarge, TooManyPixels,
        Unauthorized, UnsupportedType, UploadTimeout, UpstreamError,
    )
}  # fmt: skip
"""By the code that a problem's type ends in."""

_BY_STATUS: Final[dict[int, type[Refusal]]] = {
    400: BadRequest, 401: Unauthorized, 404: NotFound, 405: MethodNotAllowed, 408: UploadTimeout,
    413: TooLarge, 429: RateLimited, 500: Internal, 503: Overloaded, 504: TimedOut,
}  # fmt: skip
"""Of what has no problem details: a proxy's words, not the server's."""


def refusal_of(response: httpx.Response) -> Refusal:
    """What a response that is no answer means."""
    told_s = retry_after_s(response.headers.get("retry-after"), datetime.now(UTC))
    try:
        problem = Problem.model_validate_json(response.content)
    except ValidationError:
        said = " ".join(response.text.split())[:200]
        problem = Problem(
            type="about:blank",
            title=response.reason_phrase,
            status=response.status_code,
            detail=said or f"{response.status_code} {response.reason_phrase}",
        )
        return _BY_STATUS.get(response.status_code, Refusal)(problem, told_s)
    return REFUSALS.get(problem.type.rpartition("#")[2], Refusal)(problem, told_s)


def retry_after_s(header: str | None, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for, which has them or a date; None for neither."""
    if header is None:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        then = parsedate_to_datetime(header)
    except ValueError:
        return None
    if then.tzinfo is None:
        then = then.replace(tzinfo=UTC)
    return max(0.0, (then - now).total_seconds())
