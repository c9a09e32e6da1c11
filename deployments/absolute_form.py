"""Requests that name the whole address, as to a proxy: every server is to take them (RFC 9112)."""

import re
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

_HOST: Final = re.compile(r"^https?://[^/]*")


class AbsoluteForm:
    """ASGI middleware of the proxy: `POST http://host/v1/pose` is `POST /v1/pose`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes one request on, by its path alone."""
        if scope["type"] == "http" and _HOST.match(scope["path"]):
            path = _HOST.sub("", scope["path"]) or "/"
            scope = {**scope, "path": path, "raw_path": path.encode()}
        await self._app(scope, receive, send)
