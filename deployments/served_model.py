"""The model that a replica answers with, and how another one takes its place."""

import asyncio
import logging
from dataclasses import dataclass

import numpy as np

from carpose.bundles import Bundle, Task, open_bundle
from carpose.errors import BadBundle
from carpose.images import Picture
from carpose.segmenters import Segmenter, load_segmenter
from deployments.config import DetectorArgs

logger = logging.getLogger("ray.serve")


@dataclass(frozen=True)
class Model:
    """A bundle, where it came from and what runs it: swapped as one."""

    uri: str
    bundle: Bundle
    segmenter: Segmenter


def load_model(uri: str, task: Task, args: DetectorArgs) -> Model:
    """Fetch, check and load a bundle, and run it once, so that no photo pays for its first run.

    Raises: CarposeError.
    """
    bundle = open_bundle(uri)
    if bundle.manifest.task != task:
        raise BadBundle(f"{uri} is a {bundle.manifest.task} bundle, not {task}")
    segmenter = load_segmenter(bundle, args.device, args.runtime, args.threads)
    blank = np.full((64, 64, 3), 127, np.uint8)
    segmenter([Picture(blank, 64, 64)], 0.5)
    return Model(uri, bundle, segmenter)


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
        model = await asyncio.to_thread(load_model, uri, self._task, self._args)
        logger.info("bundle %s is served: %s", uri, model.bundle.identity)
        return model
