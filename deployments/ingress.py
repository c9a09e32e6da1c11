"""The edge: one method per route of the HTTP contract, each a few lines around the pipeline."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Annotated, Any, TypeVar

from fastapi import FastAPI, Query, Request
from fastapi.responses import FileResponse, Response
from ray import serve
from ray.serve.handle import DeploymentHandle

from carpose.answer import Question, parse_expect, parse_include
from carpose.images import Limits
from carpose.schema import AnswerEngine, Cars, Comparison, EngineName, PoseResponse
from deployments.config import IngressArgs
from deployments.http_app import WEB, http_app
from deployments.metrics import answer_counter
from deployments.pipeline import Pipeline
from deployments.problems import outcome_of
from deployments.uploads import read_json_upload, read_upload

logger = logging.getLogger("ray.serve")

LEGACY_VIEW = {"back": 0, "front": 1, "side": 2, None: None}
"""The numbers of the original AWS sample."""

Reader = Callable[[Request, Limits], Awaitable[bytes]]
Answer = TypeVar("Answer", PoseResponse, Comparison)


@serve.ingress()
class Ingress:
    """HTTP in front of the graph; errors become problem+json in `deployments.http_app`."""

    def __init__(
        self,
        args: IngressArgs,
        car: DeploymentHandle,
        parts: DeploymentHandle,
        postprocessor: DeploymentHandle,
        rekognition: DeploymentHandle | None,
        price_usd: float,
    ) -> None:
        self._pipeline = Pipeline(args, car, parts, postprocessor, rekognition, price_usd)
        self._answers = answer_counter()
        self._allow_origins = args.allow_origins

    def __serve_build_asgi_app__(self) -> FastAPI:
        """Ray Serve asks for the application once the replica is made."""
        return http_app(self, self._allow_origins)

    async def pose(
        self,
        request: Request,
        engine: EngineName = "detectron2",
        include: Annotated[str, Query(description="any of masks,annotated,crop,cutout")] = "",
        expect: Annotated[str, Query(description="acceptable viewpoints, by commas")] = "",
        cars: Annotated[
            Cars | None,
            Query(description="main: the largest; single: exactly one, Rekognition's default"),
        ] = None,
    ) -> Response:
        """Side, angle, parts and main car of a photo; of both engines with `compare`."""
        asked = Question(include=parse_include(include), expect=parse_expect(expect), cars=cars)
        answer: PoseResponse | Comparison
        if engine == "compare":
            answer = await self._in_place(
                request, read_upload, engine, lambda photo: self._pipeline.compare(photo, asked)
            )
        else:
            answer = await self._answer(request, replace(asked, engine=engine), read_upload)
        content = answer.model_dump_json(exclude_unset=True)
        return Response(content, media_type="application/json")

    async def legacy_detectron(self, request: Request) -> dict[str, Any]:
        """The original AWS sample's call: `{"image": data URL}` to picture, view and angle."""
        return await self._legacy(request, "detectron2")

    async def legacy_rekognition(self, request: Request) -> dict[str, Any]:
        """The original AWS sample's call, answered by Amazon Rekognition."""
        return await self._legacy(request, "rekognition")

    async def models(self) -> dict[str, dict[str, Any]]:
        """The models in use, their classes, thresholds and measured quality."""
        detectors = await self._pipeline.describe_detectors()
        return detectors | await self._pipeline.describe_rekognition()

    async def healthz(self) -> dict[str, str]:
        """Whether this replica answers."""
        return {"status": "ok"}

    async def readyz(self) -> dict[str, str]:
        """Whether every detector has its model loaded and answers."""
        await self._pipeline.describe_detectors()
        return {"status": "ready"}

    async def page(self) -> FileResponse:
        """The page."""
        return FileResponse(WEB / "index.html")

    async def _legacy(self, request: Request, engine: AnswerEngine) -> dict[str, Any]:
        question = Question(engine=engine, include=frozenset({"annotated"}))
        answer = await self._answer(request, question, read_json_upload)
        image = answer.images.annotated if answer.images else None
        return {"image": image, "view": LEGACY_VIEW[answer.pose.view], "angle": answer.pose.angle}

    async def _answer(self, request: Request, question: Question, read: Reader) -> PoseResponse:
        return await self._in_place(
            request, read, question.engine, lambda photo: self._pipeline.answer(photo, question)
        )

    async def _in_place(
        self,
        request: Request,
        read: Reader,
        engine: EngineName,
        work: Callable[[bytes], Awaitable[Answer]],
    ) -> Answer:
        """Read the photo and do the work, within the places and the deadline, and count it."""
        outcome = "cancelled"
        try:
            with self._pipeline.place():
                async with asyncio.timeout(self._pipeline.deadline_s):
                    answer = await work(await read(request, self._pipeline.limits))
            outcome = _outcome(answer)
            return answer
        except Exception as error:
            outcome = outcome_of(error)
            raise
        finally:
            self._answers.inc(1, {"engine": engine, "outcome": outcome})
            logger.info("answer: engine=%s outcome=%s", engine, outcome)


def _outcome(answer: PoseResponse | Comparison) -> str:
    if isinstance(answer, PoseResponse):
        return answer.pose.viewpoint or answer.pose.view or "unknown"
    return "compared" if answer.agreement else "one-engine-failed"
