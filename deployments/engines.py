"""What the ingress holds of an engine: one handle each, whatever stands behind it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import ray

from carpose.engines import Engine, Found
from carpose.images import Picture
from deployments.config import Args
from deployments.remote import ask

Reference = ray.ObjectRef[Picture] | Picture
"""A picture in the object store; itself, where all who look at it are in one process."""


@dataclass(frozen=True)
class Payer:
    """Whose photo it is: the name of an API key, and how many calls that cost money it may make in
    any 24 hours; None: as many as the server."""

    name: str = ""
    calls_per_day: int | None = None


NOBODY = Payer()


class EngineHandle(Protocol):
    """Asks an engine's deployments: made of bound ones, which Ray Serve turns into handles."""

    @property
    def price_usd(self) -> float:
        """Of one call, by configuration."""
        ...

    async def detect(self, seen: Reference, payer: Payer) -> Found:
        """Cars and parts in a picture; `payer` is charged for what costs money."""
        ...

    async def info(self) -> dict[str, dict[str, Any]]:
        """What runs, by model or service, for GET /v1/models."""
        ...

    async def ready(self) -> None:
        """Returns once every deployment of it has a replica that answers."""
        ...

    async def tune(self, user_configs: Mapping[str, Mapping[str, Any]]) -> None:
        """Makes those of its deployments that live in this process, and tells them what stands
        under their names."""
        ...


@dataclass(frozen=True)
class ServedEngine:
    """An engine of this server; `handle` binds its deployments, or is None where `args` leave it
    unconfigured."""

    engine: Engine
    handle: Callable[[Args], EngineHandle | None]


@dataclass(frozen=True)
class OneDeployment:
    """The handle of an engine that is one deployment with `detect(picture)` and `info()`;
    `detect(picture, payer)` where it is `paid`."""

    name: str
    deployment: Any
    price_usd: float = 0.0
    paid: bool = False

    async def detect(self, seen: Reference, payer: Payer) -> Found:
        """See `EngineHandle`."""
        who = (payer,) if self.paid else ()
        found: Found = await ask(self.deployment.detect, seen, *who)
        return found

    async def info(self) -> dict[str, dict[str, Any]]:
        """See `EngineHandle`."""
        return {self.name: await self.deployment.info.remote()}

    async def ready(self) -> None:
        """See `EngineHandle`."""
        await self.deployment.info.remote()

    async def tune(self, user_configs: Mapping[str, Mapping[str, Any]]) -> None:
        """See `EngineHandle`: it has a process of its own."""
