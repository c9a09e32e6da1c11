"""The address of who asks: the connection's, or what proxies that are trusted say it is."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.requests import Request

NOBODY = "unknown"
MOST_HOPS = 20


def address_of(request: Request, trusted: Sequence[IPv4Network | IPv6Network]) -> str:
    """The address that a share is counted by: of IPv6 the network of 64 bits, which is one
    customer's. X-Forwarded-For is believed from `trusted` proxies alone, and read from its end:
    what stands before the last one that is not trusted anybody may have written."""
    hops = [hop.strip() for hop in ",".join(request.headers.getlist("x-forwarded-for")).split(",")]
    address = request.client.host if request.client else ""
    for hop in reversed(hops[-MOST_HOPS:]):
        if not hop or not _is_in(address, trusted):
            break
        address = hop
    return _share(address)


def _is_in(address: str, networks: Sequence[IPv4Network | IPv6Network]) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)


def _share(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return NOBODY
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ip_network((parsed, 64), strict=False))
    return str(parsed)
