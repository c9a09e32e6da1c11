"""How a server is reached."""

from dataclasses import dataclass
from typing import Any, Final

import httpx

URL: Final = "http://127.0.0.1:8000"
"""Where `make serve` and `carpose serve` listen."""


@dataclass(frozen=True)
class Settings:
    """See `carpose.client.CarPose`."""

    url: str
    key: str | None
    timeout_s: float
    connections: int

    def of_httpx(self) -> dict[str, Any]:
        """The arguments of httpx's clients."""
        return {
            "base_url": self.url,
            "headers": {"X-API-Key": self.key} if self.key else {},
            # Who waits for a place among the connections waits for others' answers.
            "timeout": httpx.Timeout(self.timeout_s, pool=None),
            "limits": httpx.Limits(
                max_connections=self.connections, max_keepalive_connections=self.connections
            ),
        }
