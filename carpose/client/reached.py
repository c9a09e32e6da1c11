"""How a server is reached: what both clients are told, in the same words."""

from abc import ABC, abstractmethod
from typing import Any, Final, Generic, TypeVar

import httpx

from carpose.client.retries import Retries

URL: Final = "http://127.0.0.1:8000"
"""Where `make serve` and `carpose serve` listen."""

Http = TypeVar("Http", bound=httpx.Client | httpx.AsyncClient)
Transport = TypeVar("Transport", bound=httpx.BaseTransport | httpx.AsyncBaseTransport)


class Reached(ABC, Generic[Http, Transport]):
    """A server, by connections that are kept.

    url: the server's, with its path where it has one.
    key: sent as X-API-Key.
    timeout_s: of an attempt, for each wait on the network.
    connections: at a time.
    transport: in place of the network.
    """

    def __init__(
        self,
        url: str = URL,
        key: str | None = None,
        timeout_s: float = 60.0,
        retries: Retries = Retries(),
        connections: int = 32,
        transport: Transport | None = None,
    ) -> None:
        self._retries = retries
        self._http = self._opened(
            base_url=url,
            headers={"X-API-Key": key} if key else {},
            # Who waits for a place among the connections waits for others' answers.
            timeout=httpx.Timeout(timeout_s, pool=None),
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
            transport=transport,
        )

    @abstractmethod
    def _opened(self, **options: Any) -> Http:
        """httpx's client with these options."""
