"""Whose share a request counts to."""

import asyncio
from ipaddress import ip_network
from typing import Any

import pytest
from starlette.requests import Request
from uvicorn.config import HTTP_PROTOCOLS, Config

from deployments.client_address import address_of
from deployments.http_protocol import proxy_http

PROXIES = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.7", [], "203.0.113.7"),
        ("203.0.113.7", ["198.51.100.1"], "203.0.113.7"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.2.3.4, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.2.3.4", "198.51.100.1 , 10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", ["x" * 10_000], "unknown"),
        ("10.0.0.1", ["198.51.100.1,"], "10.0.0.1"),
        ("2001:db8::1", [], "2001:db8::/64"),
        ("2001:db8::ffff", [], "2001:db8::/64"),
        ("fd00::1", ["2001:db8:0:1::5"], "2001:db8:0:1::/64"),
        ("::ffff:203.0.113.7", [], "203.0.113.7"),
        (None, ["198.51.100.1"], "unknown"),
    ],
)  # fmt: skip
def test_only_proxies_that_are_trusted_say_who_asks(
    peer: str | None, forwarded: list[str], address: str
) -> None:
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    client = None if peer is None else (peer, 50000)
    assert (
        address_of(Request({"type": "http", "headers": headers, "client": client}), PROXIES)
        == address
    )


def test_uvicorn_believes_nobody_on_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FORWARDED_ALLOW_IPS", raising=False)
    monkeypatch.setitem(HTTP_PROTOCOLS, "auto", HTTP_PROTOCOLS["auto"])
    proxy_http()
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["client"][0])

    config = Config(app, lifespan="off")
    config.load()
    headers = [(b"x-forwarded-for", b"198.51.100.1")]
    scope = {"type": "http", "headers": headers, "client": ("127.0.0.1", 5)}
    asyncio.run(config.loaded_app(scope, None, None))
    assert seen == ["127.0.0.1"]
