"""One table of failures: what the client is told, what is documented and what is counted agree."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from fastapi.exceptions import RequestValidationError
from ray.exceptions import ActorDiedError, OwnerDiedError, RayTaskError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError
from starlette.exceptions import HTTPException

from carpose import errors
from carpose.rekognition.service import DeadlinePassed, NotReady
from deployments.http_app import Cors, http_app
from deployments.problems import (
    FAILURES,
    Overloaded,
    RateLimited,
    Unauthorized,
    UploadTimeout,
    meaning_of,
    outcome_of,
)


class NewRefusal(errors.NoCar):
    """A class that no table names."""


def raised_in_a_task(error: Exception) -> BaseException:
    """The error as Ray hands it to the one who waits for the task."""
    return RayTaskError("detect", "its traceback", error).as_instanceof_cause()


CASES: list[tuple[BaseException, str, int]] = [
    (errors.BadImage("x"), "bad-image", 400),
    (errors.TooLarge("x"), "too-large", 413),
    (errors.TooManyPixels("x"), "too-many-pixels", 413),
    (errors.UnsupportedType("x"), "unsupported-type", 415),
    (errors.BadParameter("x"), "bad-parameter", 422),
    (RequestValidationError([{"loc": ("query", "cars"), "msg": "x"}]), "bad-parameter", 422),
    (errors.NoCar("x"), "no-car", 422),
    (NewRefusal("x"), "no-car", 422),
    (errors.MultipleCars("x"), "multiple-cars", 422),
    (errors.UpstreamError("x"), "upstream-error", 502),
    (errors.EngineUnavailable("x"), "engine-unavailable", 503),
    (NotReady("x"), "engine-unavailable", 503),
    (errors.EngineBusy("x"), "engine-unavailable", 503),
    (Overloaded("x"), "overloaded", 503),
    (UploadTimeout("x"), "upload-timeout", 408),
    (Unauthorized("x"), "unauthorized", 401),
    (RateLimited("x"), "rate-limited", 429),
    (BackPressureError(1, 1), "overloaded", 503),
    (ActorDiedError(), "engine-unavailable", 503),
    (OwnerDiedError("0" * 56, None, ""), "engine-unavailable", 503),
    (DeploymentUnavailableError("x"), "engine-unavailable", 503),
    (TimeoutError(), "timeout", 504),
    (DeadlinePassed("x"), "timeout", 504),
    (HTTPException(404), "not-found", 404),
    (HTTPException(405), "method-not-allowed", 405),
    (HTTPException(400), "bad-request", 400),
    (raised_in_a_task(errors.NoCar("x")), "no-car", 422),
    (raised_in_a_task(KeyError("x")), "internal", 500),
    (errors.BadBundle("x"), "internal", 500),
    (errors.MissingDependency("x"), "internal", 500),
    (KeyError("x"), "internal", 500),
]


@pytest.mark.parametrize(
    ("error", "code", "status"), CASES, ids=[type(error).__name__ for error, _, _ in CASES]
)
def test_the_client_and_the_metric_are_told_the_same(
    error: BaseException, code: str, status: int
) -> None:
    meaning = meaning_of(error)
    assert (meaning.code, meaning.status) == (code, status)
    assert outcome_of(error) == code
    body = json.loads(bytes(meaning.response("order-66").body))
    assert body["type"].endswith(f"#{code}")
    assert body["status"] == status
    assert body["title"] == FAILURES[code].title


def test_a_bug_keeps_its_words_to_itself() -> None:
    assert "secret" not in meaning_of(KeyError("secret")).detail
    assert "secret" not in meaning_of(errors.BadBundle("secret")).detail


def test_who_is_to_come_again_is_told_when() -> None:
    for error in (Overloaded("x"), errors.EngineBusy("x"), RateLimited("x", 30), ActorDiedError()):
        assert int(meaning_of(error).response().headers["retry-after"]) > 0
    refused = meaning_of(HTTPException(405, headers={"Allow": "POST"})).response()
    assert refused.headers["allow"] == "POST"


def test_a_bug_has_the_headers_that_every_answer_has() -> None:
    class Broken:
        """Every route is a bug."""

        def __getattr__(self, name: str) -> Any:
            async def route() -> None:
                raise KeyError(name)

            return route

    app = http_app(Broken(), Cors(["https://shop.example"], ["X-Shop"]), ())
    transport = httpx.ASGITransport(app)

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            return await client.get("/healthz", headers={"Origin": "https://shop.example"})

    response = asyncio.run(ask())
    assert (response.status_code, response.json()["type"]) == (500, "urn:carpose:problem#internal")
    assert response.headers["access-control-allow-origin"] == "https://shop.example"
    assert response.headers["x-content-type-options"] == "nosniff"


def test_every_code_that_a_photo_may_get_is_documented() -> None:
    class Routes:
        """Whatever route is asked for is there."""

        def __getattr__(self, name: str) -> Any:
            return lambda: None

    document = http_app(Routes(), Cors(), ()).openapi()
    responses = document["paths"]["/v1/pose"]["post"]["responses"]
    told = {
        (code, int(status))
        for status, response in responses.items()
        if status != "200"
        for code in response["description"].split(", ")
    }
    routing = {"not-found", "method-not-allowed"}
    assert told == {(c, f.status) for c, f in FAILURES.items() if c not in routing}
