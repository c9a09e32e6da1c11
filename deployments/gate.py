"""Refusals that cost nearly nothing: a proxy learns how many photos its replicas take at a time,
and refuses the rest itself, in `deployments.http_protocol`, before it reads them."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from starlette.types import ASGIApp, Message, Receive, Scope, Send

FULL = b"x-carpose-full"
"""Header by which a replica tells the proxy for whom it has no place, `all` or this `client`; no
client sees it."""

PROBE_S = 0.5
"""Time between two requests that pass a shut gate, to see whether there are more places by now."""

Who = tuple[object, ...]
_SAID_BY = frozenset({b"authorization", b"x-api-key", b"x-forwarded-for"})


def who_asks(host: str, headers: Iterable[tuple[bytes, bytes]]) -> Who:
    """What a client's share of the places goes by, unread: equal for one client's requests, from
    the address `host` with lower-case `headers`."""
    return (host, *sorted(header for header in headers if header[0] in _SAID_BY))


@dataclass
class _Line:
    inside: int = 0
    most: int | None = None
    probe_at: float = 0.0


@dataclass
class Passage:
    """A request inside; whoever sees its answer says for whom that was a refusal."""

    refused: Literal["all", "client"] | None = None


class Gate:
    """Counts the requests on each path, of all and of each client, and shuts where as many are
    inside as were ever taken beside each other.

    Without a refusal there is no limit, and none is remembered once nobody is inside. For use on
    one event loop.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lines: dict[tuple[str, Who], _Line] = {}

    def is_shut(self, path: str, who: Who) -> Literal["all", "client"] | None:
        """For whom another request would be refused; now and then one may pass all the same."""
        if self._has_no_place(path, ()):
            return "all"
        return "client" if self._has_no_place(path, who) else None

    def _has_no_place(self, path: str, who: Who) -> bool:
        line = self._lines.get((path, who))
        if line is None or line.most is None or line.inside < line.most:
            return False
        if (now := self._clock()) < line.probe_at:
            return True
        line.probe_at = now + PROBE_S
        return False

    @contextmanager
    def passage(self, path: str, who: Who) -> Iterator[Passage]:
        """A request that passes, for as long as the block runs."""
        passage = Passage()
        with (
            self._counted((path, ()), passage, "all"),
            self._counted((path, who), passage, "client"),
        ):
            yield passage

    @contextmanager
    def _counted(self, key: tuple[str, Who], passage: Passage, whose: str) -> Iterator[None]:
        line = self._lines.setdefault(key, _Line())
        line.inside += 1
        inside = line.inside
        try:
            yield
        finally:
            if passage.refused == whose:
                # Those before it had all places.
                line.most = max(1, min(inside - 1, line.most or inside))
            elif passage.refused is None and line.most is not None and inside > line.most:
                line.most += 1
            line.inside -= 1
            if line.inside == 0:
                del self._lines[key]


class Gatekeeper:
    """ASGI middleware of the proxy: requests pass its gate, and their answers tell it the rest."""

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self._app, self._gate = app, gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes one request on."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        host = scope["client"][0] if scope.get("client") else ""
        who = who_asks(host, scope["headers"])
        with self._gate.passage(scope["path"], who) as passage:

            async def seen(message: Message) -> None:
                if message["type"] == "http.response.start":
                    told = [v for name, v in message["headers"] if name.lower() == FULL]
                    headers = [h for h in message["headers"] if h[0].lower() != FULL]
                    if told:
                        passage.refused = "all" if told[0] == b"all" else "client"
                    message = {**message, "headers": headers}
                await send(message)

            await self._app(scope, receive, seen)
