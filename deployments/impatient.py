"""Connections that waste time: how long a proxy waits for the head of a request, and for the rest
of a body that nobody reads."""

import asyncio
from typing import ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

TOO_SLOW = (
    b"HTTP/1.1 408 Request Timeout\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"Content-Length: 40\r\nConnection: close\r\n\r\nThe head of the request came too slowly."
)


class Impatient(H11Protocol):
    """uvicorn's, which waits for ever for the head of a request, and for the end of a body whose
    request was answered before it."""

    HEAD_S: ClassVar[float] = 20.0
    """For a head, from the connection or its first byte. Answered 408."""
    REST_S: ClassVar[float] = 30.0
    """For the rest of a body that nobody reads: long enough for most clients to look up and see
    that they were answered. Then the connection is cut."""

    _late: asyncio.TimerHandle | None = None
    _waits_for: str | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See asyncio.Protocol."""
        super().connection_made(transport)
        self.wait("head")

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        """See uvicorn."""
        super().on_response_complete()
        self._look()

    def _look(self) -> None:
        if self.conn.their_state is h11.IDLE and self.conn.trailing_data[0]:
            self.wait("head")
        elif self.conn.their_state is h11.SEND_BODY and self.conn.our_state is h11.DONE:
            self.wait("rest")
        else:
            self.wait(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self.wait(None)
        super().connection_lost(exc)

    def wait(self, what: str | None) -> None:
        """Waits for the `head` of a request, the `rest` of a body, or for neither."""
        if what == self._waits_for:
            return
        if self._late:
            self._late.cancel()
        seconds = {"head": self.HEAD_S, "rest": self.REST_S}
        self._late = self.loop.call_later(seconds[what], self._give_up, what) if what else None
        self._waits_for = what

    def _give_up(self, what: str) -> None:
        if self.transport.is_closing():
            return
        if what == "head":
            self.transport.write(TOO_SLOW)
            self.transport.close()
        else:
            self.transport.abort()
