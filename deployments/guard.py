"""Who asks, told before a byte of a photo is read: by an API key, or by the address."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from starlette.requests import Request

from deployments.api_keys import ApiKey, KeyRing
from deployments.client_address import address_of
from deployments.problems import Unauthorized

HEADER = "X-API-Key"


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


class Guard:
    """Asks for a key where there is a file of them. For use on one event loop."""

    def __init__(
        self, keys_file: str | None, trusted_proxies: Sequence[IPv4Network | IPv6Network] = ()
    ) -> None:
        """Raises: KeysUnreadable."""
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


def _presented(request: Request) -> str | None:
    # Its own header first: a proxy may use the other one for words of its own.
    if HEADER in request.headers:
        return request.headers[HEADER].strip()
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else None
