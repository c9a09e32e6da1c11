"""The deployment that finds objects: a bundle behind a batching method, tuned without a restart."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import ray
from ray import serve

from carpose.bundles import Task
from carpose.detections import Detections
from carpose.images import Picture
from deployments.config import DetectorArgs, DetectorTuning
from deployments.metrics import stage_histogram
from deployments.served_model import ServedModel


class Detector:
    """Finds cars and their pixels, or their parts, as its `task` says: two deployments."""

    def __init__(self, task: Task, args: DetectorArgs) -> None:
        self._task, self._args = task, args
        self._tuning = DetectorTuning()
        self._served = ServedModel(task, args)
        # One batch at a time: the model's own threads use the cores or the GPU that it has.
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="detect")
        self._seconds = stage_histogram()

    async def reconfigure(self, user_config: dict[str, Any]) -> None:
        """Apply `user_config`; Ray Serve calls this at the start and on every change.

        A bundle that cannot be served leaves the one before it in place, or that of `args`, and
        its error in the log and in `info`.
        """
        self._tuning = DetectorTuning.model_validate(user_config)
        # Ray's types do not tell that the decorator adds these two.
        self._batched.set_max_batch_size(self._tuning.max_batch_size)  # type: ignore[attr-defined]
        wait_s = self._tuning.batch_wait_ms / 1000
        self._batched.set_batch_wait_timeout_s(wait_s)  # type: ignore[attr-defined]
        await self._served.want(self._tuning.bundle)

    async def detect(self, picture: Picture) -> Detections:
        """Objects in one picture."""
        return await self._batched(picture)

    @serve.batch(max_batch_size=4, batch_wait_timeout_s=0.0)
    async def _batched(self, pictures: list[Picture]) -> list[Detections]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        found = await loop.run_in_executor(
            self._executor, self._served.model, pictures, self._score_threshold
        )
        self._seconds.observe(loop.time() - began, {"stage": self._task})
        return found

    @property
    def _score_threshold(self) -> float:
        tuned = self._tuning.score_threshold
        return self._served.model.bundle.manifest.score_threshold if tuned is None else tuned

    async def info(self) -> dict[str, Any]:
        """What runs here, for GET /v1/models and readiness."""
        bundle = self._served.model.bundle
        error = self._served.error
        return {
            "bundle": bundle.identity,
            "task": bundle.manifest.task,
            "framework": bundle.manifest.framework,
            "device": self._args.device,
            "gpus": ray.get_runtime_context().get_accelerator_ids().get("GPU", []),
            "classes": list(bundle.manifest.classes),
            "score_threshold": self._score_threshold,
            "metrics": bundle.manifest.metrics,
        } | ({"bundle_error": error} if error else {})
