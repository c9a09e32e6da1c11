"""What can be wrong with a request, as seen by the rules. HTTP statuses live in deployments."""

from typing import ClassVar


class CarposeError(Exception):
    """A refusal with a reason for the caller; `code` is stable and part of the contract."""

    code: ClassVar[str]

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class BadImage(CarposeError):
    """Not an image, truncated, empty, or not decodable."""

    code = "bad-image"


class TooLarge(CarposeError):
    """More bytes than the limit."""

    code = "too-large"


class TooManyPixels(CarposeError):
    """More pixels than the limit, read off the header alone."""

    code = "too-many-pixels"


class UnsupportedType(CarposeError):
    """A media type that is not an image we read."""

    code = "unsupported-type"


class BadParameter(CarposeError):
    """Unknown engine, include, viewpoint or another query value."""

    code = "bad-parameter"


class NoCar(CarposeError):
    """No car in the picture."""

    code = "no-car"


class MultipleCars(CarposeError):
    """Several cars where exactly one is required."""

    code = "multiple-cars"


class EngineUnavailable(CarposeError):
    """The engine asked for is not configured or cannot be reached; the detail says what to do."""

    code = "engine-unavailable"


class EngineBusy(EngineUnavailable):
    """The engine takes no more for the moment; worth another try after `retry_after_s`."""

    def __init__(self, detail: str, retry_after_s: int = 5) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class UpstreamError(CarposeError):
    """A service behind the engine gave a broken answer."""

    code = "upstream-error"


class BadBundle(CarposeError):
    """A model bundle is missing, incomplete, or not what its checksums say."""

    code = "bad-bundle"


class MissingDependency(CarposeError):
    """An optional package is not installed; the detail says how to install it."""

    code = "missing-dependency"
