"""The deployment that asks Amazon Rekognition for cars and wheels."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from carpose.engines import REKOGNITION, Found
from carpose.errors import CarposeError, EngineUnavailable
from carpose.images import Picture
from carpose.rekognition.service import NotReady, Rekognition
from deployments.answer_cache import AnswerCache
from deployments.call_budget import charge
from deployments.config import Args, RekognitionArgs
from deployments.engines import NOBODY, OneDeployment, Payer, ServedEngine
from deployments.ledger import ledger
from deployments.metrics import RekognitionMetrics, stage_histogram
from deployments.problems import outcome_of
from deployments.replicas import deployment

logger = logging.getLogger("ray.serve")

Done = TypeVar("Done")


class RekognitionClient:
    """boto3 is synchronous: a thread for each photo in work, so that none waits for another."""

    def __init__(self, args: RekognitionArgs) -> None:
        self._args = args
        self._service: Rekognition | None = None
        self._connecting = threading.Lock()
        self._executor = ThreadPoolExecutor(
            args.max_ongoing_requests, thread_name_prefix="rekognition"
        )
        self._cache: AnswerCache[Found] = AnswerCache(args.cache_entries)
        self._ledger = ledger()
        self._metrics = RekognitionMetrics()
        self._seconds = stage_histogram()

    async def detect(self, picture: Picture, payer: Payer = NOBODY) -> Found:
        """Cars and wheels; of equal photos only the first one is paid for.

        Raises: CarposeError, beyond a budget too; TimeoutError past the deadline.
        """
        async with asyncio.timeout(self._args.deadline_s):
            # The rest of the question is the configuration's, which is one for this cache.
            key = picture.digest or object()
            found, cached = await self._cache.get(key, partial(self._asked, picture, payer))
        if cached:
            self._metrics.hit()
        return found

    async def _asked(self, picture: Picture, payer: Payer) -> Found:
        service = await self._in_thread(self._connected)
        if self._args.project_version_arn is None:
            return await self._call(service.detect, picture, payer)
        try:
            return await self._call(service.detect_custom, picture, payer)
        except NotReady:
            if not self._args.general_labels_when_stopped:
                raise
            logger.warning("the Custom Labels model is stopped: general labels answer")
            return await self._call(service.detect, picture, payer)

    async def _call(
        self, detect: Callable[[Picture], Found], picture: Picture, payer: Payer
    ) -> Found:
        await charge(self._ledger, self._args, payer)
        began = time.perf_counter()
        try:
            found = await self._in_thread(detect, picture)
        except (CarposeError, TimeoutError) as error:
            self._metrics.failed(outcome_of(error))
            raise
        self._metrics.paid(self._args.price_usd)
        self._seconds.observe(time.perf_counter() - began, {"stage": type(self).__name__})
        return found

    def _connected(self) -> Rekognition:
        # Not at the start: without a region or credentials the other engine must still serve.
        # Not on the event loop: boto3 reads its description of the service from disk.
        with self._connecting:
            if self._service is None:
                self._service = Rekognition(self._args, self._args.max_ongoing_requests)
            return self._service

    async def _in_thread(self, work: Callable[..., Done], *arguments: Any) -> Done:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, work, *arguments)

    async def info(self) -> dict[str, Any]:
        """What is asked here, for GET /v1/models; asks nothing of AWS."""
        try:
            await self._in_thread(self._connected)
            problem: dict[str, str] = {}
        except EngineUnavailable as error:
            problem = {"problem": error.detail}
        model = self._args.project_version_arn
        return {
            "service": "Amazon Rekognition",
            "operation": "DetectCustomLabels" if model else "DetectLabels",
            "project_version_arn": model,
            "price_usd": self._args.price_usd,
            "max_calls_per_day": self._args.max_calls_per_day,
            "max_calls_per_minute": self._args.max_calls_per_minute,
        } | problem


def _handle(args: Args) -> OneDeployment | None:
    if args.rekognition is None:
        return None
    bound = deployment(RekognitionClient, args.rekognition).bind(args.rekognition)
    return OneDeployment(REKOGNITION.name, bound, args.rekognition.price_usd, paid=True)


AMAZON = ServedEngine(REKOGNITION, _handle)
