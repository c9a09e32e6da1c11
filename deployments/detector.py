"""What both detectors are: a bundle behind a batching method, tuned without a restart."""

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import ray
from ray import serve

from carpose.bundles import Bundle, open_bundle
from carpose.detections import Detections
from carpose.errors import BadBundle
from carpose.images import Picture
from carpose.segmenters import Segmenter, load_segmenter
from deployments.config import DetectorArgs, DetectorTuning
from deployments.metrics import stage_histogram

logger = logging.getLogger("ray.serve")


@dataclass(frozen=True)
class Model:
    """A bundle and what runs it: swapped as one."""

    bundle: Bundle
    segmenter: Segmenter


def load_model(uri: str, args: DetectorArgs) -> Model:
    """Fetch, check and load a bundle, and run it once, so that no photo pays for its first run.

    Raises: CarposeError.
    """
    bundle = open_bundle(uri)
    segmenter = load_segmenter(bundle, args.device, args.runtime, args.threads)
    blank = np.full((64, 64, 3), 127, np.uint8)
    segmenter([Picture(blank, 64, 64)], 0.5)
    return Model(bundle, segmenter)


class Detector:
    """Base of the detector deployments; construct with their typed arguments."""

    def __init__(self, args: DetectorArgs) -> None:
        self._args = args
        self._tuning = DetectorTuning()
        self._uri, self._model = args.bundle, load_model(args.bundle, args)
        self._swap: asyncio.Task[None] | None = None
        self._swap_error: str | None = None
        self._started = False
        # One batch at a time: the model's own threads use the cores or the GPU that it has.
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="detect")
        self._seconds = stage_histogram()

    async def reconfigure(self, user_config: dict[str, Any]) -> None:
        """Apply `user_config`; Ray Serve calls this at the start and on every change.

        A new bundle is loaded beside the old one, which answers until then. A running replica
        does not wait for it here: Ray Serve sends no photos to a replica that reconfigures, and
        replaces one that fails to. A bundle that cannot be served leaves the old one in place
        and its error in the log and in `describe`.
        """
        self._tuning = DetectorTuning.model_validate(user_config)
        self._batched.set_max_batch_size(self._tuning.max_batch_size)
        self._batched.set_batch_wait_timeout_s(self._tuning.batch_wait_ms / 1000)
        if self._swap is not None:
            self._swap.cancel()
        self._swap = asyncio.create_task(self._take(self._tuning.bundle or self._args.bundle))
        if not self._started:
            # Nobody waits yet: the first answer is to come from the wanted bundle.
            await self._swap
            self._started = True

    async def _take(self, uri: str) -> None:
        self._swap_error = None
        if uri == self._uri:
            return
        try:
            model = await asyncio.to_thread(load_model, uri, self._args)
            task = self._model.bundle.manifest.task
            if model.bundle.manifest.task != task:
                raise BadBundle(f"{uri} is a {model.bundle.manifest.task} bundle, not {task}")
        except Exception as error:
            self._swap_error = f"{uri}: {error}"
            logger.exception("bundle %s is not served, %s goes on", uri, self._uri)
            return
        self._uri, self._model = uri, model
        logger.info("bundle %s is served: %s", uri, model.bundle.identity)

    async def detect(self, picture: Picture) -> Detections:
        """Objects in one picture."""
        return await self._batched(picture)  # type: ignore[no-any-return]

    @serve.batch(max_batch_size=4, batch_wait_timeout_s=0.0)
    async def _batched(self, pictures: list[Picture]) -> Sequence[Detections]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        found = await loop.run_in_executor(
            self._executor, self._model.segmenter, pictures, self._score_threshold
        )
        self._seconds.observe(loop.time() - began, {"stage": type(self).__name__})
        return found

    @property
    def _score_threshold(self) -> float:
        tuned = self._tuning.score_threshold
        return self._model.bundle.manifest.score_threshold if tuned is None else tuned

    async def describe(self) -> dict[str, Any]:
        """What runs here, for GET /v1/models and readiness."""
        bundle, manifest = self._model.bundle, self._model.bundle.manifest
        return {
            "bundle": bundle.identity,
            "task": manifest.task,
            "framework": manifest.framework,
            "device": self._args.device,
            "gpus": ray.get_runtime_context().get_accelerator_ids().get("GPU", []),
            "classes": list(manifest.classes),
            "score_threshold": self._score_threshold,
            "metrics": manifest.metrics,
        } | ({"bundle_error": self._swap_error} if self._swap_error else {})
