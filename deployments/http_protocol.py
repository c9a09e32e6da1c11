"""How the proxies read HTTP: Ray Serve calls `proxy_http` where
RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH says `deployments.http_protocol:proxy_http`."""

import os
import random
import re
import uuid
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import h11
from starlette.middleware import Middleware
from uvicorn.config import HTTP_PROTOCOLS

from deployments.absolute_form import AbsoluteForm
from deployments.ask_again import AskAgain
from deployments.gate import Gate, Gatekeeper, Who, who_asks
from deployments.impatient import Impatient
from deployments.metrics import EarlyRefusals
from deployments.one_pass import read_in_one_pass
from deployments.problems import OVERLOADED, SHARE_TAKEN, Meaning, clean_id

_START: Final = re.compile(rb"POST (/[^ ?\r\n]*)(?:\?[^ \r\n]*)? HTTP/1\.1\r\n")
# Possessive: 100,000 spaces before what is no end of a line would else be tried in every division.
_HEADER: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]++):[ \t]*+([^\r\n]*+)\r\n")
_HEADERS: Final = re.compile(rb"(?:%s)*+" % _HEADER.pattern)
_END: Final = b"\r\n\r\n"


def proxy_http() -> list[Middleware]:
    """Makes this process read HTTP with `Protocol`; the middleware that it needs.

    It is one of h11. Clients of Java, and curl --http2, offer an upgrade to h2c with their first
    request. A server may ignore that, but httptools, which uvicorn prefers, stops reading at such a
    header, and the photo behind it is lost (uvicorn#2722, httptools#124). Ray Serve cannot be told
    which to take.

    uvicorn believes whoever connects from its own machine, a proxy or not, to speak for the address
    in X-Forwarded-For; whom to believe is said by `trusted_proxies` alone.
    """
    os.environ.setdefault("FORWARDED_ALLOW_IPS", "")
    HTTP_PROTOCOLS["auto"] = f"{__name__}:Protocol"
    read_in_one_pass()
    Protocol.gate, Protocol.refusals = Gate(), EarlyRefusals()
    return [
        Middleware(AbsoluteForm),
        Middleware(Gatekeeper, gate=Protocol.gate),
        Middleware(AskAgain),
    ]


@dataclass(frozen=True)
class Head:
    """What a request says before its body of `length` bytes, as far as a refusal asks."""

    path: str
    who: Who
    length: int
    request_id: str
    closes: bool
    """Whether the connection is to end: whether the body will come is not known."""


def _new_id() -> str:
    # A name that nobody has to guess: no call to the system for it.
    return str(uuid.UUID(int=random.getrandbits(128), version=4))


def head_of(data: bytes, host: str) -> tuple[Head, int] | None:
    """A request for a photo's answer, from the address `host`, and the bytes of its head, where
    `data` has it whole; None for what only the whole parser tells: other methods, chunked bodies,
    doubtful lengths, other hosts' pages, which are told more."""
    start = _START.match(data)
    end = data.find(_END)
    if not start or end < 0:
        return None
    lines = data[start.end() : end + 2]
    if not _HEADERS.fullmatch(lines):
        return None
    found = _HEADER.findall(lines)
    headers: dict[bytes, bytes] = {name.lower(): value for name, value in found}
    if len(headers) < len(found):
        return None
    length = headers.get(b"content-length", b"")
    if b"transfer-encoding" in headers or not length.isdigit():
        return None
    origin = headers.get(b"origin", b"")
    if origin and origin.partition(b"://")[2] != headers.get(b"host"):
        return None
    closes = b"expect" in headers or b"close" in headers.get(b"connection", b"").lower()
    name = clean_id(headers.get(b"x-request-id", b"").decode("ascii", "ignore"))
    path = start[1].decode("ascii", "ignore")
    who = who_asks(host, headers.items())
    return Head(path, who, int(length), name or _new_id(), closes), end + len(_END)


@dataclass(frozen=True)
class Refusal:
    """An answer that is the same for everybody, but for the request id in its header and body."""

    start: bytes
    before: bytes
    after: bytes

    @classmethod
    def of(cls, meaning: Meaning) -> "Refusal":
        """In a problem's words."""
        place = "request-id"
        response = meaning.response(place)
        before, after = bytes(response.body).split(place.encode())
        headers = [h for h in response.raw_headers if h[0] != b"content-length"]
        headers += [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
        status = f"HTTP/1.1 {meaning.status} {HTTPStatus(meaning.status).phrase}\r\n"
        return cls(
            status.encode() + b"".join(b"%s: %s\r\n" % header for header in headers), before, after
        )

    def told(self, head: Head) -> bytes:
        """All bytes of it."""
        name = head.request_id.encode()
        return b"%sconnection: %s\r\nx-request-id: %s\r\ncontent-length: %d\r\n\r\n%s%s%s" % (
            self.start,
            b"close" if head.closes else b"keep-alive",
            name,
            len(self.before) + len(name) + len(self.after),
            self.before,
            name,
            self.after,
        )


REFUSALS: Final = {"all": Refusal.of(OVERLOADED), "client": Refusal.of(SHARE_TAKEN)}
"""By whom the gate is shut for."""


class Protocol(Impatient):
    """Reads requests, and refuses those that its gate is shut for by a look at their first bytes:
    what a refusal costs, the photos that are taken lack."""

    gate: Gate
    refusals: EarlyRefusals
    _unread = 0

    def data_received(self, data: bytes) -> None:
        """Bytes of a client."""
        host = self.client[0] if self.client else ""
        # A loop: thousands of requests may come at once.
        while True:
            if self._unread:
                # The rest of a refused photo, which may follow its answer.
                left = self._unread - len(data)
                if left >= 0:
                    self._unread = left
                    return
                self._unread, data = 0, data[self._unread :]
            if not self._is_between_requests() or not (found := head_of(data, host)):
                break
            head, size = found
            shut = self.gate.is_shut(head.path, head.who)
            if not shut:
                break
            self._refuse(head, REFUSALS[shut])
            # No copy of a photo, where no more than that has come.
            self._unread = head.length + size
        super().data_received(data)

    def _is_between_requests(self) -> bool:
        idle = self.conn.our_state is h11.IDLE and self.conn.their_state is h11.IDLE
        return idle and not self.conn.trailing_data[0] and not self.transport.is_closing()

    def _refuse(self, head: Head, refusal: Refusal) -> None:
        self.refusals.count(head.path)
        self.transport.write(refusal.told(head))
        if head.closes:
            self.transport.close()
            return
        # Ends the connection of who is silent, or still sending, for that long.
        self.wait(None)
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )
