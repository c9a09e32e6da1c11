"""The edge: one method per route of the HTTP contract, each a few lines around the pipeline."""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import Response
from ray import serve
from ray.serve.handle import DeploymentHandle

from carpose.engines import DETECTRON2, REKOGNITION, Engine
from carpose.errors import BadParameter
from carpose.picture_files import DECODERS
from carpose.request import PoseRequest
from carpose.schema import Comparison, PoseResponse
from deployments.admission import Admission
from deployments.config import IngressArgs
from deployments.engines import EngineHandle
from deployments.http_app import Cors, http_app
from deployments.metrics import AnswerCounter
from deployments.parameters import Parameters, Said, pose_parameters, pose_request
from deployments.pipeline import COMPARE, Pipeline
from deployments.uploads import Upload, read_upload

LEGACY_VIEW = {"back": 0, "front": 1, "side": 2, None: None}
"""The numbers of the original AWS sample."""


@serve.ingress()
class Ingress:
    """HTTP in front of the graph; errors become problem+json in `deployments.http_app`."""

    def __init__(
        self,
        args: IngressArgs,
        engines: Sequence[tuple[Engine, EngineHandle | None]],
        postprocessor: DeploymentHandle[Any],
    ) -> None:
        self._admission = Admission(
            args.max_in_flight,
            upload_s=args.upload_s,
            deadline_s=args.deadline_s,
            pixels=int(args.max_megapixels_decoded * 1e6),
        )
        self._pipeline = Pipeline(args, engines, postprocessor, self._admission)
        self._answers = AnswerCounter()
        self._cors = Cors(args.allow_origins, args.allow_headers)
        self._documented = pose_parameters(self._pipeline.engines)
        self._parameters = Parameters(self._documented)

    def __serve_build_asgi_app__(self) -> FastAPI:
        """Ray Serve asks for the application once the replica is made."""
        return http_app(self, self._cors, self._documented)

    async def pose(self, request: Request) -> Response:
        """Side, angle, parts and main car of a photo; of both engines with `compare`."""
        with self._answers.counted(self._pipeline.engine(None)) as counted:
            # Before a byte of the photo is read.
            query = self._parameters.said(request.query_params.multi_items())
            self._engine(query)
            pose_request(query)
            with self._admission.slot():
                upload = await self._read(request)
                body = self._parameters.said(upload.said)
                said = self._parameters.joined(query, body, upload.way)
                counted.engine = self._engine(said)
                answer = await self._answer(_one(upload), counted.engine, pose_request(said))
            counted.outcome = _outcome(answer)
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
            # What is more but no JPEG is refused here.
            "max_megapixels": max(limits.max_pixels, limits.max_jpeg_pixels) / 1e6,
            "formats": [name.lower() for name in DECODERS],
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
        with self._answers.counted(engine.name) as counted:
            with self._admission.slot():
                # What such a client says beside the photo is its own affair.
                photo = _one(await self._read(request))
                answer = await self._answer(photo, engine.name, asked)
            counted.outcome = _outcome(answer)
        assert isinstance(answer, PoseResponse)
        assert answer.images
        view, angle = LEGACY_VIEW[answer.pose.view], answer.pose.angle
        return {"image": answer.images["annotated"], "view": view, "angle": angle}

    async def _read(self, request: Request) -> Upload:
        async with self._admission.upload():
            return await read_upload(request, self._pipeline.limits)

    def _engine(self, said: Said) -> str:
        return self._pipeline.engine(next(iter(said.get("engine", ())), None))

    async def _answer(
        self, photo: bytes, engine: str, asked: PoseRequest
    ) -> PoseResponse | Comparison:
        """By the deadline."""
        async with self._admission.deadline():
            if engine == COMPARE:
                return await self._pipeline.compare(photo, asked)
            return await self._pipeline.answer(photo, engine, asked)


def _one(upload: Upload) -> bytes:
    """The photo of an upload that should have one."""
    if len(set(upload.photos)) > 1:
        raise BadParameter(f"image: there are {len(upload.photos)} photos, send one")
    return upload.photos[0]


def _outcome(answer: PoseResponse | Comparison) -> str:
    if isinstance(answer, PoseResponse):
        return answer.pose.viewpoint or answer.pose.view or "unknown"
    return "compared" if answer.agreement else "one-engine-failed"
