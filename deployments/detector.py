"""What both detectors are: a bundle behind a batching method, tuned without a restart."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import ray
from ray import serve

from carpose.bundle import open_bundle
from carpose.detections import Detections
from carpose.images import Picture
from carpose.segmenters import load_segmenter
from deployments.config import DetectorArgs, DetectorTuning
from deployments.metrics import stage_histogram


class Detector:
    """Base of the detector deployments; construct with their typed arguments."""

    def __init__(self, args: DetectorArgs) -> None:
        self._args = args
        self._bundle = open_bundle(args.bundle)
        self._segmenter = load_segmenter(self._bundle, args.device, args.runtime, args.threads)
        self._tuning = DetectorTuning()
        # One batch at a time: the model's own threads use the cores or the GPU that it has.
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="detect")
        self._seconds = stage_histogram()

    def reconfigure(self, user_config: dict[str, Any]) -> None:
        """Apply `user_config`; Ray Serve calls this at the start and on every change."""
        self._tuning = DetectorTuning.model_validate(user_config)
        self._batched.set_max_batch_size(self._tuning.max_batch_size)
        self._batched.set_batch_wait_timeout_s(self._tuning.batch_wait_ms / 1000)

    async def detect(self, picture: Picture) -> Detections:
        """Objects in one picture."""
        return await self._batched(picture)  # type: ignore[no-any-return]

    @serve.batch(max_batch_size=4, batch_wait_timeout_s=0.0)
    async def _batched(self, pictures: list[Picture]) -> Sequence[Detections]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        found = await loop.run_in_executor(
            self._executor, self._segmenter, pictures, self._score_threshold
        )
        self._seconds.observe(loop.time() - began, {"stage": type(self).__name__})
        return found

    @property
    def _score_threshold(self) -> float:
        tuned = self._tuning.score_threshold
        return self._bundle.manifest.score_threshold if tuned is None else tuned

    async def describe(self) -> dict[str, Any]:
        """What runs here, for GET /v1/models and readiness."""
        manifest = self._bundle.manifest
        return {
            "bundle": self._bundle.identity,
            "task": manifest.task,
            "framework": manifest.framework,
            "device": self._args.device,
            "gpus": ray.get_runtime_context().get_accelerator_ids().get("GPU", []),
            "classes": list(manifest.classes),
            "score_threshold": self._score_threshold,
            "metrics": manifest.metrics,
        }
