"""What a proxy does for a request whose ingress replica died: Ray Serve's leaves it without a word."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from deployments import ask_again
from deployments.ask_again import AskAgain

BODY = [b"half a ", b"photo"]


class Replicas:
    """Some die when they have read so many pieces of the body; the next one answers with it."""

    def __init__(self, die_after: Sequence[int]) -> None:
        self.die_after = list(die_after)
        self.asked = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked += 1
        body, more, pieces = b"", True, 0
        while more:
            if self.die_after and pieces == self.die_after[0]:
                self.die_after.pop(0)
                return
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            pieces += 1
            body, more = body + message["body"], message["more_body"]
        if self.die_after and pieces == self.die_after[0]:
            self.die_after.pop(0)
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})


def asked(
    replicas: Replicas, path: str = "/v1/pose", leaves_after: int | None = None
) -> tuple[int, bytes] | None:
    """Status and body of the answer; None where there was none."""
    answer: list[Message] = []
    pieces = [
        {"type": "http.request", "body": piece, "more_body": k + 1 < len(BODY)}
        for k, piece in enumerate(BODY)
    ][:leaves_after]
    coming = iter([*pieces, {"type": "http.disconnect"}])

    async def receive() -> Message:
        return next(coming)

    async def send(message: Any) -> None:
        answer.append(message)

    scope = {"type": "http", "method": "POST", "path": path, "headers": []}
    asyncio.run(AskAgain(replicas)(scope, receive, send))
    if not answer:
        return None
    return answer[0]["status"], b"".join(m.get("body", b"") for m in answer)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ask_again, "PAUSES_S", (0.0, 0.0, 0.0))


@pytest.mark.parametrize("path", ["/v1/pose", "/shop/v1/set", "/detectron"])
@pytest.mark.parametrize("die_after", [[], [0], [1], [2], [0, 1, 2]])
def test_a_photo_is_answered_by_a_replica_that_lives(path: str, die_after: list[int]) -> None:
    replicas = Replicas(die_after)
    assert asked(replicas, path) == (200, b"half a photo")
    assert replicas.asked == len(die_after) + 1


def test_who_left_is_not_asked_for_again() -> None:
    replicas = Replicas([])
    assert asked(replicas, leaves_after=1) is None
    assert replicas.asked == 1


def test_what_may_change_something_is_asked_once() -> None:
    replicas = Replicas([2])
    assert asked(replicas, "/orders") is None
    assert replicas.asked == 1


def test_what_is_too_large_to_keep_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ask_again, "MOST_BYTES", 8)
    replicas = Replicas([2])
    answer = asked(replicas)
    assert answer
    assert answer[0] == 503
    assert b"restarting" in answer[1]
    assert replicas.asked == 1


def test_who_kills_every_replica_is_given_up() -> None:
    replicas = Replicas([2] * 1_000)
    answer = asked(replicas)
    assert answer
    assert answer[0] == 503
    assert replicas.asked == 4
