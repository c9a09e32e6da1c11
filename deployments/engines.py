"""What the ingress holds of an engine: one handle each, whatever stands behind it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import ray

from carpose.engines import Engine, Found
from carpose.images import Picture
from deployments.config import Args
from deployments.remote import ask

Reference = ray.ObjectRef[Picture]
"""A picture in the object store."""


class EngineHandle(Protocol):
    """Asks an engine's deployments: made of bound ones, which Ray Serve turns into handles."""

    @property
    def price_usd(self) -> float:
        """Of one call, by configuration."""
        ...

    async def detect(self, seen: Reference) -> Found:
        """Cars and parts in a picture."""
        ...

    async def info(self) -> dict[str, dict[str, Any]]:
        """What runs, by model or service, for GET /v1/models."""
        ...

    async def ready(self) -> None:
        """Returns once every deployment of it has a replica that answers."""
        ...


@dataclass(frozen=True)
class ServedEngine:
    """An engine of this server; `handle` binds its deployments, or is None where `args` leave it
    unconfigured."""

    engine: Engine
    handle: Callable[[Args], EngineHandle | None]


@dataclass(frozen=True)
class OneDeployment:
    """The handle of an engine that is one deployment with `detect(picture)` and `info()`."""

    name: str
    deployment: Any
    price_usd: float = 0.0

    async def detect(self, seen: Reference) -> Found:
        """See `EngineHandle`."""
        found: Found = await ask(self.deployment.detect, seen)
        return found

    async def info(self) -> dict[str, dict[str, Any]]:
        """See `EngineHandle`."""
        return {self.name: await self.deployment.info.remote()}

    async def ready(self) -> None:
        """See `EngineHandle`."""
        await self.deployment.info.remote()
