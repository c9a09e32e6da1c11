"""The edge: one method per route of the HTTP contract, each a few lines around the pipeline."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi.responses import Response
from ray import serve
from ray.serve.handle import DeploymentHandle

from carpose.cars import Cars
from carpose.engines import DETECTRON2, REKOGNITION, Engine
from carpose.images import FORMATS, Limits
from carpose.request import PoseRequest, includes
from carpose.schema import Comparison, PoseResponse
from deployments.admission import Admission
from deployments.config import IngressArgs
from deployments.engines import EngineHandle
from deployments.http_app import http_app
from deployments.metrics import AnswerCounter
from deployments.pipeline import COMPARE, Pipeline
from deployments.uploads import read_json_upload, read_upload

LEGACY_VIEW = {"back": 0, "front": 1, "side": 2, None: None}
"""The numbers of the original AWS sample."""

Reader = Callable[[Request, Limits], Awaitable[bytes]]


@serve.ingress()
class Ingress:
    """HTTP in front of the graph; errors become problem+json in `deployments.http_app`."""

    def __init__(
        self,
        args: IngressArgs,
        engines: Sequence[tuple[Engine, EngineHandle | None]],
        postprocessor: DeploymentHandle[Any],
    ) -> None:
        pixels = int(args.max_megapixels_decoded * 1e6)
        self._admission = Admission(args.max_in_flight, args.deadline_s, pixels)
        self._pipeline = Pipeline(args, engines, postprocessor, self._admission)
        self._answers = AnswerCounter()
        self._allow_origins = args.allow_origins

    def __serve_build_asgi_app__(self) -> FastAPI:
        """Ray Serve asks for the application once the replica is made."""
        return http_app(self, self._allow_origins)

    async def pose(
        self,
        request: Request,
        engine: Annotated[
            str | None,
            Query(description="detectron2: own models, the default; rekognition; compare: both"),
        ] = None,
        include: Annotated[str, Query(description=f"any of {','.join(includes())}")] = "",
        expect: Annotated[str, Query(description="acceptable viewpoints, by commas")] = "",
        cars: Annotated[
            Cars | None,
            Query(
                description="main: the largest; single: exactly one, Rekognition's default; all: "
                "every one beside the largest"
            ),
        ] = None,
        min_score: Annotated[
            float | None,
            Query(description="least probability of the viewpoint, 0 to 1; below: review"),
        ] = None,
    ) -> Response:
        """Side, angle, parts and main car of a photo; of both engines with `compare`."""
        asked = PoseRequest.of(expect, include, cars, min_score)
        answer = await self._answer(request, read_upload, self._pipeline.engine(engine), asked)
        return Response(answer.model_dump_json(), media_type="application/json")

    async def legacy_detectron(self, request: Request) -> dict[str, Any]:
        """The original AWS sample's call: `{"image": data URL}` to picture, view and angle."""
        return await self._legacy(request, DETECTRON2)

    async def legacy_rekognition(self, request: Request) -> dict[str, Any]:
        """The original AWS sample's call, answered by Amazon Rekognition."""
        return await self._legacy(request, REKOGNITION)

    async def models(self) -> dict[str, dict[str, Any]]:
        """The models in use, their classes, thresholds and measured quality."""
        return await self._pipeline.infos()

    async def limits(self) -> dict[str, Any]:
        """What a photo may be: its bytes (in millions), its pixels (in millions), its format."""
        limits = self._pipeline.limits
        return {
            "max_upload_mb": limits.max_bytes / 1e6,
            "max_megapixels": limits.max_pixels / 1e6,
            "formats": [name.lower() for name in FORMATS],
        }

    async def healthz(self) -> dict[str, str]:
        """Whether this replica answers."""
        return {"status": "ok"}

    async def readyz(self) -> dict[str, str]:
        """Whether the default engine has its models loaded and answers."""
        await self._pipeline.ready()
        return {"status": "ready"}

    async def _legacy(self, request: Request, engine: Engine) -> dict[str, Any]:
        asked = PoseRequest(include=frozenset({"annotated"}))
        answer = await self._answer(request, read_json_upload, engine.name, asked)
        assert isinstance(answer, PoseResponse)
        assert answer.images
        view, angle = LEGACY_VIEW[answer.pose.view], answer.pose.angle
        return {"image": answer.images["annotated"], "view": view, "angle": angle}

    async def _answer(
        self, request: Request, read: Reader, engine: str, asked: PoseRequest
    ) -> PoseResponse | Comparison:
        """Read the photo and answer it, in a slot and by the deadline, and count it."""
        with self._answers.counted(engine) as counted:
            async with self._admission.slot():
                content = await read(request, self._pipeline.limits)
                answer: PoseResponse | Comparison
                if engine == COMPARE:
                    answer = await self._pipeline.compare(content, asked)
                else:
                    answer = await self._pipeline.answer(content, engine, asked)
            counted.outcome = _outcome(answer)
        return answer


def _outcome(answer: PoseResponse | Comparison) -> str:
    if isinstance(answer, PoseResponse):
        return answer.pose.viewpoint or answer.pose.view or "unknown"
    return "compared" if answer.agreement else "one-engine-failed"
