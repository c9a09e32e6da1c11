"""Connections that waste time: uvicorn with the patience of our proxies, on a real socket."""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from uvicorn import Config, Server

from deployments.impatient import TOO_SLOW, Impatient

HEAD = b"POST / HTTP/1.1\r\nHost: x\r\n"


async def refuses(scope: Any, receive: Any, send: Any) -> None:
    """Answers 401 without reading a byte."""
    await send(
        {"type": "http.response.start", "status": 401, "headers": [(b"content-length", b"0")]}
    )
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A server that loses patience soon."""
    monkeypatch.setattr(Impatient, "HEAD_S", 0.3)
    monkeypatch.setattr(Impatient, "REST_S", 0.3)
    config = Config(refuses, http=Impatient, lifespan="off", log_config=None, timeout_keep_alive=60)
    server = Server(config)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])))
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield listening.getsockname()[1]
        server.should_exit = True
        thread.join()


def told(port: int, *pieces: bytes, rest: bytes = b"") -> bytes:
    """What is answered to pieces, sent one after the other, and to `rest` without end, until the
    server closes the connection."""
    answer = b""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        for piece in pieces:
            client.sendall(piece)
        with contextlib.suppress(ConnectionError):
            while rest:
                client.sendall(rest)
        with contextlib.suppress(ConnectionError):
            while more := client.recv(65536):
                answer += more
    return answer


def test_the_text_is_as_long_as_it_says() -> None:
    head, _, text = TOO_SLOW.partition(b"\r\n\r\n")
    assert b"Content-Length: %d\r\n" % len(text) in head


@pytest.mark.parametrize(
    ("pieces", "statuses"),
    [
        ([], [b"408"]),
        ([b"P"], [b"408"]),
        ([HEAD, b"X: 1\r\n"], [b"408"]),
        ([HEAD + b"Content-Length: 0\r\n\r\n" + b"GET /"], [b"401", b"408"]),
        ([HEAD + b"X: " + b"x" * 200_000 + b"\r\n\r\n"], [b"400"]),
        ([HEAD + b"X: 1\r\n" * 20_000], [b"400"]),
        ([b"GET /" + b"x" * 200_000], [b"400"]),
        ([b"\0" * 100 + b"\r\n\r\n"], [b"400"]),
        ([HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n"], [b"400"]),
        ([HEAD + b"Content-Length: -1\r\n\r\n"], [b"400"]),
    ],
    ids=[
        *("silent", "a-letter", "slow-head", "second-head", "long-header", "many-headers"),
        *("long-address", "zeroes", "two-lengths", "negative-length"),
    ],
)  # fmt: skip
def test_a_head_that_does_not_come_or_does_not_end_is_answered(
    port: int, pieces: list[bytes], statuses: list[bytes]
) -> None:
    answer = told(port, *pieces)
    assert [
        line.split()[1] for line in answer.splitlines() if line.startswith(b"HTTP/")
    ] == statuses


@pytest.mark.parametrize("kind", ["chunked", "length"])
def test_a_body_that_goes_on_after_its_answer_is_cut(port: int, kind: str) -> None:
    chunk = b"2710\r\n" + b"x" * 10_000 + b"\r\n"
    head, rest = {
        "chunked": (b"Transfer-Encoding: chunked\r\n\r\n", chunk),
        "length": (b"Content-Length: 900000000000\r\n\r\n", b"x" * 10_000),
    }[kind]
    # It ends; who looks up only then may have lost the answer with the connection.
    assert told(port, HEAD + head, rest=rest)[:12] in (b"HTTP/1.1 401", b"")
