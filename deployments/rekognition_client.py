"""The deployment that asks Amazon Rekognition for cars and wheels."""

import asyncio
import hashlib
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from carpose.detections import Detections
from carpose.errors import CarposeError, EngineUnavailable
from carpose.images import Picture
from carpose.rekognition.service import NotReady, Rekognition
from deployments.answer_cache import AnswerCache
from deployments.call_budget import CallBudget
from deployments.config import RekognitionArgs
from deployments.metrics import RekognitionMetrics, stage_histogram
from deployments.problems import outcome_of

logger = logging.getLogger("ray.serve")


class RekognitionClient:
    """boto3 is synchronous: a thread for each photo in work, so that none waits for another."""

    def __init__(self, args: RekognitionArgs) -> None:
        self._args = args
        self._service: Rekognition | None = None
        self._executor = ThreadPoolExecutor(
            args.max_ongoing_requests, thread_name_prefix="rekognition"
        )
        self._cache: AnswerCache[Detections] = AnswerCache(args.cache_entries)
        self._budget = CallBudget(args.max_calls_per_minute)
        self._metrics = RekognitionMetrics()
        self._seconds = stage_histogram()

    async def detect(self, picture: Picture) -> Detections:
        """Cars and wheels; of equal photos only the first one is paid for.

        Raises: CarposeError; TimeoutError past the deadline.
        """
        async with asyncio.timeout(self._args.deadline_s):
            loop = asyncio.get_running_loop()
            key = await loop.run_in_executor(self._executor, _content_hash, picture)
            found, cached = await self._cache.get(key, lambda: self._asked(picture))
        if cached:
            self._metrics.hit()
        return found

    async def _asked(self, picture: Picture) -> Detections:
        service = self._connected()
        if self._args.project_version_arn is None:
            return await self._call(service.detect, picture)
        try:
            return await self._call(service.detect_custom, picture)
        except NotReady:
            if not self._args.general_labels_when_stopped:
                raise
            logger.warning("the Custom Labels model is stopped: general labels answer")
            return await self._call(service.detect, picture)

    async def _call(self, detect: Callable[[Picture], Detections], picture: Picture) -> Detections:
        self._budget.spend()
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            found = await loop.run_in_executor(self._executor, detect, picture)
        except (CarposeError, TimeoutError) as error:
            self._metrics.failed(outcome_of(error))
            raise
        self._metrics.paid(self._args.price_usd)
        self._seconds.observe(loop.time() - began, {"stage": type(self).__name__})
        return found

    def _connected(self) -> Rekognition:
        # Not at the start: without a region or credentials the other engine must still serve.
        if self._service is None:
            self._service = Rekognition(self._args, self._args.max_ongoing_requests)
        return self._service

    async def describe(self) -> dict[str, Any]:
        """What is asked here, for GET /v1/models; asks nothing of AWS."""
        try:
            self._connected()
            problem: dict[str, str] = {}
        except EngineUnavailable as error:
            problem = {"problem": error.detail}
        model = self._args.project_version_arn
        return {
            "service": "Amazon Rekognition",
            "operation": "DetectCustomLabels" if model else "DetectLabels",
            "project_version_arn": model,
            "price_usd": self._args.price_usd,
            "max_calls_per_minute": self._args.max_calls_per_minute,
        } | problem


def _content_hash(picture: Picture) -> tuple[str, int, int]:
    """Equal pixels are the same question; boxes come back in the original's size.

    The rest of the question is the configuration's, which is one for this cache.
    """
    digest = hashlib.sha256(str(picture.pixels.shape).encode())
    digest.update(picture.pixels)
    return digest.hexdigest(), picture.width, picture.height
