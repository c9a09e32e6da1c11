"""Who asks, told before a byte of a photo is read: by an API key, or by the address."""

import asyncio
import logging
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from ray.exceptions import RayError
from starlette.requests import Request

from deployments.api_keys import ApiKey, KeyRing
from deployments.client_address import address_of
from deployments.engines import NOBODY, Payer
from deployments.ledger import MINUTE_S, Charge, Spends
from deployments.problems import RateLimited, Unauthorized

logger = logging.getLogger("ray.serve")

HEADER = "X-API-Key"
LEDGER_S = 1.0
"""Longest wait for the ledger of a request whose rate is counted."""


@dataclass(frozen=True)
class Client:
    """Who asks.

    key: the one presented; None on a server that asks for none.
    holder: what its places are counted by: the key's name, or the address.
    """

    key: ApiKey | None
    holder: str

    @property
    def name(self) -> str:
        """For logs and metrics: never an address."""
        return self.key.name if self.key else ""

    @property
    def payer(self) -> Payer:
        """Who is charged for what its photos cost."""
        key = self.key
        return Payer(key.name, key.rekognition_calls_per_day) if key else NOBODY


class Guard:
    """Asks for a key where there is a file of them. For use on one event loop."""

    def __init__(
        self,
        keys_file: str | None,
        trusted_proxies: Sequence[IPv4Network | IPv6Network],
        ledger: Spends,
    ) -> None:
        """Raises: KeysUnreadable."""
        self._ledger = ledger
        self._refused_until: dict[str, float] = {}
        self._ring = KeyRing(Path(keys_file)) if keys_file else None
        self._proxies = trusted_proxies

    @property
    def asks_for_keys(self) -> bool:
        """Whether every photo needs one."""
        return self._ring is not None

    async def client(self, request: Request) -> Client:
        """Who asks. Raises: Unauthorized; Overloaded where too many new keys are presented."""
        if self._ring is None:
            return Client(None, address_of(request, self._proxies))
        presented = _presented(request)
        if presented is None:
            raise Unauthorized(f"an API key is needed: Authorization: Bearer KEY, or {HEADER}: KEY")
        key = await self._ring.key_of(presented)
        if key is None:
            raise Unauthorized("this API key is not known here")
        return Client(key, key.name)

    async def charge(self, client: Client) -> None:
        """One request more of a client. Raises: RateLimited beyond its rate."""
        if client.key is None or client.key.requests_per_minute is None:
            return
        most = client.key.requests_per_minute
        # Who does not wait is not worth a question to the ledger each time.
        wait_s = self._refused_until.get(client.name, 0.0) - time.monotonic()
        if wait_s <= 0:
            wait_s = await self._wait_s(Charge(f"requests of {client.name}", most, MINUTE_S))
            self._refused_until[client.name] = time.monotonic() + wait_s
        if wait_s > 0:
            detail = f"{most} requests a minute are this key's limit"
            raise RateLimited(detail, max(1, math.ceil(wait_s)))

    async def _wait_s(self, charge: Charge) -> float:
        try:
            async with asyncio.timeout(LEDGER_S):
                refusal = await self._ledger.spend([charge])
        except (RayError, TimeoutError):
            # A photo is worth more than an exact rate; what costs money is charged elsewhere.
            logger.warning("the ledger does not answer: a request is not counted")
            return 0.0
        return refusal.retry_after_s if refusal else 0.0


def _presented(request: Request) -> str | None:
    # Its own header first: a proxy may use the other one for words of its own.
    if HEADER in request.headers:
        return request.headers[HEADER].strip()
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else None
