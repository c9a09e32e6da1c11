"""The model that a replica answers with, and how another one takes its place."""

import asyncio
import logging

from carpose.bundles import Task
from carpose.model import Model, load_model
from deployments.config import DetectorArgs

logger = logging.getLogger("ray.serve")


class ServedModel:
    """The bundle that is wanted; where it cannot be served, the one before it, or that of `args`.

    For use on one event loop.
    """

    def __init__(self, task: Task, args: DetectorArgs) -> None:
        self._task, self._args = task, args
        self._model: Model | None = None
        self._swap: asyncio.Task[None] | None = None
        self.error: str | None = None
        """Why the bundle that is wanted is not served; None when it is."""

    @property
    def model(self) -> Model:
        """What answers now; there is one once `want` was awaited."""
        assert self._model is not None
        return self._model

    async def want(self, uri: str | None) -> None:
        """Serve the bundle at `uri`, or that of `args`.

        The first time it is loaded here, and no other. Later it is loaded beside the one that
        answers until then, without waiting for it: Ray Serve sends no photos to a replica that
        reconfigures, and replaces one that fails to.

        Raises: what loading the bundle of `args` raises, the first time.
        """
        base = self._args.bundle
        wanted = uri or base
        if self._swap is not None:
            self._swap.cancel()
        if self._model is not None:
            self._swap = asyncio.create_task(self._take(wanted))
            return
        if wanted != base:
            await self._take(wanted)
        if self._model is None:
            self._model = await self._load(base)

    async def _take(self, uri: str) -> None:
        self.error = None
        if self._model is not None and self._model.uri == uri:
            return
        try:
            self._model = await self._load(uri)
        except Exception as error:
            self.error = f"{uri}: {error}"
            logger.exception("bundle %s is not served", uri)

    async def _load(self, uri: str) -> Model:
        args = self._args
        model = await asyncio.to_thread(
            load_model, uri, args.device, args.runtime, args.threads, self._task
        )
        logger.info("bundle %s is served: %s", uri, model.bundle.identity)
        return model
