"""A photo's way through the graph: decode once, both detectors at once, then the pose."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, get_args

import ray
from ray.exceptions import RayError
from ray.serve.exceptions import BackPressureError
from ray.serve.handle import DeploymentHandle

from carpose.agreement import compare
from carpose.answer import Question
from carpose.detections import Detections
from carpose.errors import EngineUnavailable
from carpose.images import Limits, Picture, decode
from carpose.rekognition.photo import LONGEST_PX
from carpose.schema import AnswerEngine, Comparison, EngineOutcome, PoseResponse
from deployments.config import IngressArgs
from deployments.metrics import stage_histogram
from deployments.problems import Overloaded, is_lost_replica, meaning_of

DECODED_PX = 1024
"""Longest side that is enough for the detectors; large JPEGs are decoded at a reduced scale."""

RETRY_PAUSE_S = 0.2

REKOGNITION_HINT = (
    "Amazon Rekognition is not configured on this server: it takes a `rekognition` section under "
    "`args` in serve_config.yaml, and AWS credentials; use engine=detectron2"
)

logger = logging.getLogger("ray.serve")


class Pipeline:
    """Sends photos through the deployments, within limits and a deadline."""

    def __init__(
        self,
        args: IngressArgs,
        car: DeploymentHandle,
        parts: DeploymentHandle,
        postprocessor: DeploymentHandle,
        rekognition: DeploymentHandle | None,
        price_usd: float,
    ) -> None:
        self.limits = Limits(
            max_bytes=int(args.max_upload_mb * 1e6), max_pixels=int(args.max_megapixels * 1e6)
        )
        self.deadline_s = args.deadline_s
        self._detectors = {"main_car": car, "car_parts": parts}
        self._postprocessor = postprocessor
        self._rekognition = rekognition
        self._price_usd = price_usd
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
            self._need_rekognition()
        least = LONGEST_PX if question.engine == "rekognition" else DECODED_PX
        reference, decode_s = await self._received(content, question.decoded_px or least)
        return await self._answered(reference, question, decode_s)

    async def compare(self, content: bytes, question: Question) -> Comparison:
        """What both engines make of a photo, whatever the question's own engine is; one that
        fails does not hold up the other.

        Raises: as `answer`; what the own models raise, when both engines failed.
        """
        self._need_rekognition()
        reference, decode_s = await self._received(content, question.decoded_px or LONGEST_PX)
        # The same question to both: which car is meant must not depend on the engine.
        cars = question.cars or "main"
        answers = await asyncio.gather(
            *(
                self._answered(reference, replace(question, engine=engine, cars=cars), decode_s)
                for engine in get_args(AnswerEngine)
            ),
            return_exceptions=True,
        )
        own, rekognition = answers
        if isinstance(own, BaseException) and isinstance(rekognition, BaseException):
            raise own
        agreement = None
        if isinstance(own, PoseResponse) and isinstance(rekognition, PoseResponse):
            agreement = compare(own, rekognition)
        return Comparison(
            engine="compare",
            detectron2=_outcome(own),
            rekognition=_outcome(rekognition),
            agreement=agreement,
            price_usd=self._price_usd,
        )

    async def describe_detectors(self) -> dict[str, dict[str, Any]]:
        """What runs in each detector; raises when one does not answer in time."""
        async with asyncio.timeout(min(5.0, self.deadline_s)):
            found = await asyncio.gather(*(d.describe.remote() for d in self._detectors.values()))
        return dict(zip(self._detectors, found, strict=True))

    async def describe_rekognition(self) -> dict[str, dict[str, Any]]:
        """What is asked of Rekognition; nothing where it is not configured."""
        if self._rekognition is None:
            return {}
        try:
            async with asyncio.timeout(min(5.0, self.deadline_s)):
                return {"rekognition": await self._rekognition.describe.remote()}
        except (RayError, TimeoutError) as error:
            return {"rekognition": {"problem": meaning_of(error).detail}}

    def _need_rekognition(self) -> None:
        if self._rekognition is None:
            raise EngineUnavailable(REKOGNITION_HINT)

    async def _received(
        self, content: bytes, target: int
    ) -> tuple["ray.ObjectRef[Picture]", float]:
        """The decoded photo in the object store, and the seconds that took."""
        began = time.perf_counter()
        loop = asyncio.get_running_loop()
        picture = await loop.run_in_executor(self._executor, decode, content, self.limits, target)
        seconds = time.perf_counter() - began
        self._seconds.observe(seconds, {"stage": "decode"})
        return ray.put(picture), seconds

    async def _answered(
        self, reference: "ray.ObjectRef[Picture]", question: Question, decode_s: float
    ) -> PoseResponse:
        began = time.perf_counter()
        cars, parts = await self._found(reference, question)
        answer, pose_s = await _ask(self._postprocessor.describe, reference, cars, parts, question)
        total_s = time.perf_counter() - began
        seconds = {"detect": total_s - pose_s, "pose": pose_s}
        for stage, value in (seconds | {"total": decode_s + total_s}).items():
            self._seconds.observe(value, {"stage": stage})
        timings = {s: round(v * 1000, 1) for s, v in ({"decode": decode_s} | seconds).items()}
        return answer.model_copy(update={"timings_ms": timings})  # type: ignore[no-any-return]

    async def _found(
        self, reference: "ray.ObjectRef[Picture]", question: Question
    ) -> tuple[Detections, Detections]:
        """Cars and parts, by the question's engine.

        The detections come back here before they go on. Handing their references straight to the
        postprocessor would save a hop, but Ray Serve takes a detector's death for the death of
        the postprocessor that waits for it.
        """
        if question.engine == "rekognition":
            assert self._rekognition is not None
            found = await _ask(self._rekognition.detect, reference)
            return found[found.labels == "car"], found[found.labels == "wheel"]
        cars, parts = await asyncio.gather(
            *(_ask(detector.detect, reference) for detector in self._detectors.values())
        )
        return cars, parts


def _outcome(result: PoseResponse | BaseException) -> EngineOutcome:
    if isinstance(result, PoseResponse):
        return EngineOutcome(answer=result)
    meaning = meaning_of(result)
    if meaning.status == 500:
        logger.error("a bug of ours in one engine of two", exc_info=result)
    return EngineOutcome(problem=meaning.body())


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
