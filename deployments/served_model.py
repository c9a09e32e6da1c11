"""The model that a replica answers with, and how another one takes its place."""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor

from carpose.bundles import Task
from carpose.model import Model, load_model
from deployments.config import DetectorArgs
from deployments.stand_back import stand_back

logger = logging.getLogger("ray.serve")


class ServedModel:
    """The bundle that is wanted; where it cannot be served, the one before it, that of `args`, or
    the fallback of `args`.

    For use on one event loop.
    """

    def __init__(self, task: Task, args: DetectorArgs) -> None:
        self._task, self._args = task, args
        self._model: Model | None = None
        self._swap: asyncio.Task[None] | None = None
        self._wanted = args.bundle
        self.error: str | None = None
        """Why the bundle that is wanted is not served; None when it is."""

    @property
    def model(self) -> Model:
        """What answers now; there is one once `want` was awaited."""
        assert self._model is not None
        return self._model

    @property
    def stands_in(self) -> bool:
        """Whether the fallback answers, for want of what should."""
        return self.model.uri == self._args.fallback != self._wanted

    async def want(self, uri: str | None) -> None:
        """Serve the bundle at `uri`, or that of `args`.

        The first time it is loaded here, and no other. Later it is loaded beside the one that
        answers until then, without waiting for it: Ray Serve sends no photos to a replica that
        reconfigures, and replaces one that fails to.

        Raises: what loading the last of those that might serve raises, the first time.
        """
        args = self._args
        self._wanted = wanted = uri or args.bundle
        if self._swap is not None:
            self._swap.cancel()
        if self._model is not None:
            self._swap = asyncio.create_task(self._take(wanted))
            return
        others = [o for o in (args.bundle, args.fallback) if o not in (None, wanted)]
        first, *rest = dict.fromkeys([wanted, *filter(None, others)])
        if not rest:
            self._model = await self._load(first)
            return
        await self._take(first)
        for place, other in enumerate(rest):
            if self._model is not None:
                return
            logger.warning("bundle %s stands in for %s", other, wanted)
            try:
                self._model = await self._load(other)
            except Exception:
                if place == len(rest) - 1:
                    raise
                logger.exception("bundle %s is not served either", other)

    async def _take(self, uri: str) -> None:
        try:
            if self._model is None or self._model.uri != uri:
                self._model = await self._load(uri)
            self.error = None
        except Exception as error:
            self.error = f"{uri}: {error}"
            logger.exception("bundle %s is not served", uri)

    async def _load(self, uri: str) -> Model:
        # A network's own threads stand back as the one does that makes them.
        loader = ThreadPoolExecutor(1, "load", stand_back)
        try:
            model = await asyncio.get_running_loop().run_in_executor(loader, self._run_once, uri)
        finally:
            # Who no longer wants the model does not wait for it either.
            loader.shutdown(wait=False)
        logger.info("bundle %s is served: %s", uri, model.bundle.identity)
        return model

    def _run_once(self, uri: str) -> Model:
        args = self._args
        model = load_model(
            uri,
            device=args.device,
            runtime=args.runtime,
            threads=args.threads,
            task=self._task,
            compiled=args.compiled,
            gpu_share=args.num_gpus,
        )
        # One that cannot run is not served, and a replica is ready once its own has run.
        model.segmenter.probe()
        return model
