"""The edge alone, in this process: the real ingress and its application, without an engine behind."""

import asyncio
from collections.abc import Sequence
from typing import Any

import httpx
from fastapi import FastAPI

from deployments.config import IngressArgs
from deployments.ingress import Ingress
from tests.toy_engine import TOY

Call = tuple[str, str, dict[str, Any]]
"""Method, path, and what httpx is told beside."""


def edge(**args: Any) -> FastAPI:
    """The application of an ingress with these arguments; a photo that gets past it is answered
    503, since its engine is not configured."""
    # Below Ray Serve's wrapper, which wants a cluster.
    ingress: Any = Ingress.__mro__[1]
    application: FastAPI = ingress(
        IngressArgs(**args), [(TOY, None)], None
    ).__serve_build_asgi_app__()
    return application


def answered(app: FastAPI, *calls: Call, root_path: str = "") -> list[httpx.Response]:
    """The answers to calls, one after the other."""

    async def ask() -> Sequence[httpx.Response]:
        transport = httpx.ASGITransport(app, root_path=root_path)
        async with httpx.AsyncClient(transport=transport, base_url="http://edge") as client:
            return [await client.request(method, path, **more) for method, path, more in calls]

    return list(asyncio.run(ask()))
