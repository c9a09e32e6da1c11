"""A photo's way through the graph: decode once, both detectors at once, then the pose."""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import ray
from ray.serve.exceptions import BackPressureError
from ray.serve.handle import DeploymentHandle

from carpose.answer import Question
from carpose.errors import EngineUnavailable
from carpose.images import Limits, Picture, decode
from carpose.schema import PoseResponse
from deployments.config import IngressArgs
from deployments.metrics import stage_histogram
from deployments.problems import Overloaded, is_lost_replica

DECODED_PX = 1024
"""Longest side that is enough for the detectors; large JPEGs are decoded at a reduced scale."""

RETRY_PAUSE_S = 0.2

REKOGNITION_HINT = (
    "engine rekognition is not configured on this server: it takes AWS credentials and a "
    "`rekognition` section under `args` in serve_config.yaml, which this release does not have "
    "yet; use engine=detectron2"
)


class Pipeline:
    """Sends photos through the deployments, within limits and a deadline."""

    def __init__(
        self,
        args: IngressArgs,
        car: DeploymentHandle,
        parts: DeploymentHandle,
        postprocessor: DeploymentHandle,
    ) -> None:
        self.limits = Limits(
            max_bytes=int(args.max_upload_mb * 1e6), max_pixels=int(args.max_megapixels * 1e6)
        )
        self.deadline_s = args.deadline_s
        self._detectors = {"main_car": car, "car_parts": parts}
        self._postprocessor = postprocessor
        self._executor = ThreadPoolExecutor(args.decode_threads, thread_name_prefix="decode")
        self._free_places = args.max_in_flight
        self._seconds = stage_histogram()

    @contextlib.contextmanager
    def place(self) -> Iterator[None]:
        """A place among the photos in work.

        Raises: Overloaded when all are taken.
        """
        if self._free_places == 0:
            raise Overloaded("all places are taken")
        self._free_places -= 1
        try:
            yield
        finally:
            self._free_places += 1

    async def answer(self, content: bytes, question: Question) -> PoseResponse:
        """The answer to a photo.

        Raises: CarposeError for a photo or question that cannot be answered; TimeoutError past
            the deadline; what Ray raises when deployments fail.
        """
        if question.engine == "rekognition":
            raise EngineUnavailable(REKOGNITION_HINT)
        began = time.perf_counter()
        picture = await self._decode(content, question)
        decoded = time.perf_counter()
        reference = ray.put(picture)
        answer, pose_s = await self._through_detectors(reference, question)
        total_s = time.perf_counter() - began
        seconds = {
            "decode": decoded - began,
            "detect": total_s - (decoded - began) - pose_s,
            "pose": pose_s,
        }
        for stage, value in (seconds | {"total": total_s}).items():
            self._seconds.observe(value, {"stage": stage})
        timings = {stage: round(value * 1000, 1) for stage, value in seconds.items()}
        return answer.model_copy(update={"timings_ms": timings})

    async def describe_detectors(self) -> dict[str, dict[str, Any]]:
        """What runs in each detector; raises when one does not answer in time."""
        async with asyncio.timeout(min(5.0, self.deadline_s)):
            found = await asyncio.gather(*(d.describe.remote() for d in self._detectors.values()))
        return dict(zip(self._detectors, found, strict=True))

    async def _decode(self, content: bytes, question: Question) -> Picture:
        loop = asyncio.get_running_loop()
        target = question.decoded_px or DECODED_PX
        return await loop.run_in_executor(self._executor, decode, content, self.limits, target)

    async def _through_detectors(
        self, reference: "ray.ObjectRef[Picture]", question: Question
    ) -> tuple[PoseResponse, float]:
        # The detections come back here before they go on. Handing their references straight to
        # the postprocessor would save a hop, but Ray Serve takes a detector's death for the
        # death of the postprocessor that waits for it.
        cars, parts = await asyncio.gather(
            *(_ask(detector.detect, reference) for detector in self._detectors.values())
        )
        return await _ask(  # type: ignore[no-any-return]
            self._postprocessor.describe, reference, cars, parts, question
        )


async def _ask(method: DeploymentHandle, *arguments: Any) -> Any:
    """A deployment's answer; asked again when a replica died with the question.

    A photo changes nothing, so asking twice is right; the deadline ends it.
    """
    while True:
        response = method.remote(*arguments)
        try:
            return await response
        except BackPressureError as error:
            # Ray Serve would answer it itself, in plain text.
            raise Overloaded("a queue is full") from error
        except asyncio.CancelledError:
            response.cancel()
            raise
        except Exception as error:
            if not is_lost_replica(error):
                raise
            await asyncio.sleep(RETRY_PAUSE_S)
