"""The deployment that finds objects: a bundle behind batches, tuned without a restart."""

from dataclasses import replace
from typing import Any

import ray
from ray import serve

from carpose.bundles import Task
from carpose.detections import Detections
from carpose.images import Picture
from deployments.batches import Batches
from deployments.config import DetectorArgs, DetectorTuning
from deployments.metrics import batch_histogram, stage_histogram
from deployments.served_model import ServedModel
from deployments.stand_back import stand_back


class Detector:
    """Finds cars and their pixels, or their parts, as its `task` says: two deployments."""

    def __init__(self, task: Task, args: DetectorArgs) -> None:
        stand_back()
        self._task, self._args = task, args
        self._tuning = DetectorTuning()
        self._served = ServedModel(task, args)
        self._seconds, self._sizes = stage_histogram(), batch_histogram()
        self._batches = Batches(self._observe)

    async def reconfigure(self, user_config: dict[str, Any]) -> None:
        """Apply `user_config`; Ray Serve calls this at the start and on every change.

        A bundle that cannot be served leaves the one before it in place, or that of `args`, and
        its error in the log and in `info`.
        """
        self._tuning = DetectorTuning.model_validate(user_config)
        self._batches.most = self._tuning.max_batch_size
        self._batches.pause_s = self._tuning.batch_wait_ms / 1000
        await self._served.want(self._tuning.bundle)

    async def check_health(self) -> None:
        """Ray Serve replaces a replica for which this keeps raising: a GPU context that has died
        answers nothing any more, while its process lives on."""
        await self._batches.on_device(self._served.model.segmenter.probe)

    async def detect(self, picture: Picture) -> Detections:
        """Objects in one picture."""
        served = self._served
        stands_in, segmenter = served.stands_in, served.model.segmenter
        found = await self._batches.detect(segmenter, picture, self._score_threshold)
        return replace(found, model=f"{found.model} (fallback)") if stands_in else found

    @property
    def _score_threshold(self) -> float:
        tuned = self._tuning.score_threshold
        return self._served.model.bundle.manifest.score_threshold if tuned is None else tuned

    def _observe(self, seconds: float, pictures: int) -> None:
        self._seconds.observe(seconds, {"stage": self._task})
        self._sizes.observe(pictures, {"stage": self._task})

    async def info(self) -> dict[str, Any]:
        """What runs here, for GET /v1/models and readiness."""
        served = self._served
        bundle = served.model.bundle
        return (
            {
                "replica": serve.get_replica_context().replica_id.unique_id,
                "bundle": bundle.identity,
                "task": bundle.manifest.task,
                "framework": bundle.manifest.framework,
                "device": self._args.device,
                "arithmetic": served.model.segmenter.arithmetic,
                "gpus": ray.get_runtime_context().get_accelerator_ids().get("GPU", []),
                "classes": list(bundle.manifest.classes),
                "score_threshold": self._score_threshold,
                "metrics": bundle.manifest.metrics,
            }
            | ({"bundle_error": served.error} if served.error else {})
            | ({"fallback": served.model.uri} if served.stands_in else {})
        )
