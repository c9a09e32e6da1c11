"""No photo is lost with the ingress replica that had it: the proxy asks another one.

A photo changes nothing, so asking twice is right. Ray Serve's proxy leaves a request whose replica
died without an answer, and uvicorn would make a 500 of that.
"""

import asyncio
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deployments.problems import RESTARTING, request_id

ROUTES = ("/v1/pose", "/v1/set", "/detectron", "/rekognition")
"""Ends of the paths whose requests may be asked again."""

PAUSES_S = (0.3, 1.0, 3.0)
"""Before each try but the first. A photo at which a codec crashes takes a replica with it each
time: after these it is given up."""

MOST_BYTES = 128_000_000
"""Of all bodies that a proxy keeps for this; what comes beyond it is asked once."""


@dataclass
class _Kept:
    """What came of a body, and whether all of it could be kept."""

    messages: list[Message] = field(default_factory=list)
    size: int = 0
    whole: bool = True
    client_left: bool = False


class AskAgain:
    """ASGI middleware of the proxy. For use on one event loop."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes one request on, until it has an answer."""
        if scope["type"] != "http" or not scope["path"].endswith(ROUTES):
            await self._app(scope, receive, send)
            return
        kept, started = _Kept(), False

        async def sending(message: Message) -> None:
            nonlocal started
            started = True
            self._forget(kept)
            await send(message)

        try:
            for pause_s in (0.0, *PAUSES_S):
                await asyncio.sleep(pause_s)
                await self._app(scope, self._receiving(kept, receive), sending)
                if started or kept.client_left:
                    return
                if not kept.whole:
                    break
        finally:
            self._forget(kept)
        response = RESTARTING.response(request_id(Request(scope)) or None)
        await response(scope, receive, send)

    def _receiving(self, kept: _Kept, receive: Receive) -> Receive:
        again = iter(list(kept.messages))

        async def receiving() -> Message:
            if (message := next(again, None)) is not None:
                return message
            message = await receive()
            if message["type"] == "http.disconnect":
                kept.client_left = True
            elif kept.whole:
                size = len(message.get("body", b""))
                if self._bytes + size > MOST_BYTES:
                    self._forget(kept)
                else:
                    kept.messages.append(message)
                    kept.size += size
                    self._bytes += size
            return message

        return receiving

    def _forget(self, kept: _Kept) -> None:
        self._bytes -= kept.size
        kept.messages, kept.size, kept.whole = [], 0, False
