"""How the proxies read HTTP: Ray Serve calls `use_h11` where
RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH says `deployments.http_protocol:use_h11`."""

import os
from typing import Any

from uvicorn.config import HTTP_PROTOCOLS


def use_h11() -> list[Any]:
    """Read HTTP with h11 in this process, and leave clients their addresses; no middleware.

    Clients of Java, and curl --http2, offer an upgrade to h2c with their first request. A server
    may ignore that, but httptools, which uvicorn prefers, stops reading at such a header, and the
    photo behind it is lost (uvicorn#2722, httptools#124). Ray Serve cannot be told which to take.

    uvicorn believes whoever connects from its own machine, a proxy or not, to speak for the address
    in X-Forwarded-For; whom to believe is said by `trusted_proxies` alone.
    """
    os.environ.setdefault("FORWARDED_ALLOW_IPS", "")
    HTTP_PROTOCOLS["auto"] = HTTP_PROTOCOLS["h11"]
    return []
