"""What a proxy refuses before it reads it: a real uvicorn with our protocol and gate, before an
application with two places."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from deployments.admission import Admission
from deployments.gate import PROBE_S, Gate, who_asks
from deployments.http_protocol import head_of, proxy_http
from deployments.problems import as_problem

PLACES = 2


class Application:
    """Answers a photo with its length once `open` is set; knows what reached it."""

    def __init__(self) -> None:
        self.places = Admission(PLACES, upload_s=60, deadline_s=60, pixels=1)
        self.reached = 0
        self.open = threading.Event()

    async def pose(self, request: Request) -> Response:
        self.reached += 1
        try:
            with self.places.slot():
                body = await request.body()
                while not self.open.is_set():
                    await asyncio.sleep(0.01)
        except Exception as error:
            return as_problem(request, error)
        return PlainTextResponse(str(len(body)))


@pytest.fixture
def application() -> Iterator[tuple[Application, tuple[str, int]]]:
    ours = Application()
    routes = [Route(path, ours.pose, methods=["POST"]) for path in ("/v1/pose", "/v1/other")]
    app = Starlette(routes=routes, middleware=proxy_http())
    server = uvicorn.Server(uvicorn.Config(app, port=0, lifespan="off", log_level="error"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        yield ours, listening.getsockname()
        ours.open.set()
        server.should_exit = True
        thread.join()


def head(*more: str, path: str = "/v1/pose", length: int | None = 5) -> bytes:
    lines = [f"POST {path}?expect=front HTTP/1.1", "Host: 127.0.0.1", *more]
    if length is not None:
        lines.append(f"Content-Length: {length}")
    return "\r\n".join([*lines, "", ""]).encode()


class Client:
    """One connection."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._socket = socket.create_connection(address, timeout=30)
        self._file = self._socket.makefile("rb")

    def send(self, data: bytes) -> "Client":
        self._socket.sendall(data)
        return self

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        status = int(self._file.readline().split()[1])
        headers = {}
        while line := self._file.readline().decode().strip():
            name, _, value = line.partition(": ")
            headers[name.lower()] = value
        return status, headers, self._file.read(int(headers.get("content-length", 0)))

    def is_closed(self) -> bool:
        return self._file.read(1) == b""


@contextmanager
def full(application: tuple[Application, tuple[str, int]]) -> Iterator[list[Client]]:
    """All places taken, and one refusal, from which the proxy has learned that."""
    ours, address = application
    inside = [Client(address).send(head() + b"photo") for _ in range(PLACES)]
    while ours.reached < PLACES:
        pass
    assert Client(address).send(head() + b"photo").answer()[0] == 503
    # The proxy lets one pass to see whether there are more places now.
    assert Client(address).send(head() + b"photo").answer()[0] == 503
    assert ours.reached == PLACES + 2
    yield inside
    ours.open.set()
    assert [client.answer()[0] for client in inside] == [200] * PLACES


def test_a_photo_is_refused_before_it_is_sent(
    application: tuple[Application, tuple[str, int]],
) -> None:
    ours, address = application
    with full(application):
        client = Client(address).send(head("X-Request-ID: abc", length=10_000_000))
        status, headers, body = client.answer()
        assert status == 503
        assert headers["content-type"] == "application/problem+json"
        assert headers["retry-after"] == "2"
        assert headers["x-request-id"] == json.loads(body)["request_id"] == "abc"
        assert json.loads(body)["type"].endswith("overloaded")
        assert "x-carpose-full" not in headers
        assert ours.reached == PLACES + 2, "nobody else was asked"


def test_requests_that_come_all_at_once_are_all_refused(
    application: tuple[Application, tuple[str, int]],
) -> None:
    _, address = application
    with full(application):
        client = Client(address)
        client.send(b"POST /v1/pose HTTP/1.1\r\nHost:\r\nContent-Length: 0\r\n\r\n" * 3000)
        assert {client.answer()[0] for _ in range(3000)} == {503}


def test_a_connection_goes_on_after_a_refusal(
    application: tuple[Application, tuple[str, int]],
) -> None:
    ours, address = application
    with full(application) as inside:
        client = Client(address).send(head() + b"ph")
        assert client.answer()[0] == 503
        # The rest comes late, and the next request with it.
        client.send(b"oto" + head(length=3) + b"abc")
        assert client.answer()[0] == 503
        ours.open.set()
        assert [one.answer()[0] for one in inside] == [200] * PLACES
        inside.clear()
        status, _, body = client.send(head(length=7) + b"photo-2").answer()
        assert (status, body) == (200, b"7")
        inside += [Client(address).send(head() + b"photo") for _ in range(PLACES)]


ASKED_ANYWAY: dict[str, bytes] = {
    "chunked": head("Transfer-Encoding: chunked", length=None) + b"1\r\na\r\n0\r\n\r\n",
    "no length": head(length=None),
    "a page of another host": head("Origin: https://shop.example") + b"photo",
    "another path": head(path="/v1/other") + b"photo",
}


@pytest.mark.parametrize("request_", ASKED_ANYWAY.values(), ids=ASKED_ANYWAY)
def test_what_is_not_surely_a_photo_more_is_the_replicas_affair(
    application: tuple[Application, tuple[str, int]], request_: bytes
) -> None:
    ours, address = application
    with full(application):
        status, headers, _ = Client(address).send(request_).answer()
        assert status == 503
        assert "x-carpose-full" not in headers
        assert ours.reached == PLACES + 3


@pytest.mark.parametrize("header", ["Expect: 100-continue", "Connection: close"])
def test_who_may_not_send_the_photo_is_hung_up_on(
    application: tuple[Application, tuple[str, int]], header: str
) -> None:
    with full(application):
        client = Client(application[1]).send(head(header))
        assert client.answer()[0] == 503
        assert client.is_closed()


HEADS: dict[str, tuple[bytes, bool]] = {
    "a photo": (head(), True),
    "of a page of ours": (head("Origin: http://127.0.0.1"), True),
    "get": (head().replace(b"POST", b"GET"), False),
    "not whole": (head()[:-1], False),
    "two lengths": (head("Content-Length: 50"), False),
    "no number": (head("Content-Length: five", length=None), False),
    "chunked": (head("Transfer-Encoding: chunked"), False),
    "no header": (head("Content-Length : 3"), False),
    "folded": (head("X: 1", " 2"), False),
    "1.0": (head().replace(b"1.1", b"1.0"), False),
    # A look that goes back would take hours.
    "spaces and no end of line": (head("X:" + " " * 200_000 + "\r1"), False),
    "letters and no colon": (head("X" * 200_000), False),
}


@pytest.mark.parametrize(("data", "told"), HEADS.values(), ids=HEADS)
def test_only_a_head_without_doubt_is_refused_by_a_look(data: bytes, told: bool) -> None:
    assert (head_of(data, "::1") is not None) == told


ME, YOU = ("me",), ("you",)


def test_a_gate_without_a_refusal_is_open() -> None:
    gate = Gate()
    with ExitStack() as inside:
        for _ in range(100):
            inside.enter_context(gate.passage("/", ME))
        assert not gate.is_shut("/", ME)


def test_a_shut_gate_is_tried_and_learns_of_more_places() -> None:
    now = 0.0
    gate = Gate(lambda: now)
    with gate.passage("/", ME), gate.passage("/", ME):
        with gate.passage("/", ME) as passage:
            passage.refused = "all"
        assert not gate.is_shut("/", ME), "one is let in to see"
        assert gate.is_shut("/", ME)
        assert not gate.is_shut("/elsewhere", ME)
        now += PROBE_S
        assert not gate.is_shut("/", ME)
        with gate.passage("/", ME):
            pass
        now += PROBE_S / 2
        assert not gate.is_shut("/", ME), "it was taken: there are three places"
        with gate.passage("/", ME):
            assert gate.is_shut("/", ME)


def test_who_has_all_of_its_share_leaves_the_rest_to_others() -> None:
    gate = Gate(lambda: 0.0)
    with gate.passage("/", ME), gate.passage("/", ME):
        with gate.passage("/", ME) as passage:
            passage.refused = "client"
        gate.is_shut("/", ME)
        assert gate.is_shut("/", ME) == "client"
        assert gate.is_shut("/", YOU) is None


WHO: dict[str, tuple[tuple[str, dict[bytes, bytes]], bool]] = {
    "the same": (("1.2.3.4", {b"user-agent": b"b"}), True),
    "another address": (("1.2.3.5", {}), False),
    "a key": (("1.2.3.4", {b"x-api-key": b"k"}), False),
    "a bearer": (("1.2.3.4", {b"authorization": b"Bearer k"}), False),
    "behind a proxy": (("1.2.3.4", {b"x-forwarded-for": b"9.9.9.9"}), False),
}


@pytest.mark.parametrize(("other", "same"), WHO.values(), ids=WHO)
def test_clients_are_told_apart_by_what_their_share_goes_by(
    other: tuple[str, dict[bytes, bytes]], same: bool
) -> None:
    host, headers = other
    one = who_asks("1.2.3.4", {b"user-agent": b"a"}.items())
    assert (who_asks(host, headers.items()) == one) == same


def test_paths_that_nobody_refused_are_forgotten() -> None:
    gate = Gate()
    for path in range(1000):
        with gate.passage(str(path), ME):
            pass
    assert not gate._lines
