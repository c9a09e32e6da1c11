"""The edge: one method per route of the HTTP contract, each a few lines around the pipeline."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import Response
from ray import serve
from ray.serve.handle import DeploymentHandle

from carpose.checks import CHECKS
from carpose.compliance import MIN_SCORE
from carpose.engines import DETECTRON2, REKOGNITION, Engine
from carpose.errors import BadParameter, CarposeError
from carpose.photo_set import LISTING_ORDER, summary
from carpose.picture_files import DECODERS
from carpose.request import PoseRequest
from carpose.rule_book import RuleBook
from carpose.rules import RULE_SETS
from carpose.schema import Comparison, EngineOutcome, PoseResponse, SetPhoto, SetResponse
from deployments.admission import Admission
from deployments.beside import Beside
from deployments.config import IngressArgs
from deployments.engines import EngineHandle, Payer
from deployments.guard import Client, Guard
from deployments.http_app import Cors, http_app
from deployments.ledger import ledger
from deployments.metrics import AnswerCounter, places_gauge
from deployments.parameters import (
    COMPARE,
    Parameters,
    Said,
    pose_parameters,
    pose_request,
    set_parameters,
    set_request,
)
from deployments.pipeline import Pipeline
from deployments.problems import meaning_of
from deployments.uploads import PHOTO, PHOTOS, Upload, read_upload

LEGACY_VIEW = {"back": 0, "front": 1, "side": 2, None: None}
"""The numbers of the original AWS sample."""


@serve.ingress()
class Ingress:
    """HTTP in front of the graph; errors become problem+json in `deployments.http_app`."""

    def __init__(
        self,
        args: IngressArgs,
        engines: Sequence[tuple[Engine, EngineHandle | None]],
        postprocessor: DeploymentHandle[Any] | Beside,
    ) -> None:
        self._admission = Admission(
            args.max_in_flight,
            upload_s=args.upload_s,
            deadline_s=args.deadline_s,
            pixels=int(args.max_megapixels_decoded * 1e6),
            share_of_free=args.share_of_free,
        )
        self._guard = Guard(args.keys_file, args.trusted_proxies, ledger())
        self._pipeline = Pipeline(args, engines, postprocessor, self._admission)
        self._answers, self._places = AnswerCounter(), places_gauge()
        self._cors = Cors(args.allow_origins, args.allow_headers)
        self._sets = {**RULE_SETS, **args.rules}
        self._documented = pose_parameters(self._pipeline.engines, self._sets)
        self._parameters = Parameters(self._documented)
        self._set_documented = set_parameters(self._documented)
        self._set_parameters = Parameters(self._set_documented)
        self._most_photos = args.max_set_photos

    async def reconfigure(self, user_config: Mapping[str, Mapping[str, Any]]) -> None:
        """Makes, or tunes, the deployments that live in this process; see `Args.together`."""
        await self._pipeline.tune(user_config)

    def __serve_build_asgi_app__(self) -> FastAPI:
        """Ray Serve asks for the application once the replica is made."""
        asks = self._guard.asks_for_keys
        return http_app(self, self._cors, self._documented, self._set_documented, asks)

    async def admit(self, request: Request) -> None:
        """Before every route that is not everybody's, and before its body is read: who asks."""
        name = ""
        try:
            client = await self._guard.client(request)
            name = client.name
            await self._guard.charge(client)
        except CarposeError as error:
            self._answers.refused(error, name)
            raise
        request.state.client = client

    async def pose(self, request: Request) -> Response:
        """Side, angle, parts and main car of a photo; of both engines with `compare`."""
        client: Client = request.state.client
        with self._answers.counted(self._pipeline.engine(None), client.name) as counted:
            # Before a byte of the photo is read.
            query = self._parameters.said(request.query_params.multi_items())
            self._engine(query)
            pose_request(query, self._sets)
            with self._slot(client):
                upload = await self._read(request)
                counted.about["bytes"] = sum(map(len, upload.photos))
                body = self._parameters.said(upload.said)
                said = self._parameters.joined(query, body, upload.way)
                counted.engine = self._engine(said)
                asked = pose_request(said, self._sets)
                answer = await self._answer(_one(upload), counted.engine, asked, client.payer)
            counted.answered(answer)
        return Response(answer.model_dump_json(), media_type="application/json")

    async def set(self, request: Request) -> Response:
        """Several photos of one car: each answered, and which views are there and missing."""
        client: Client = request.state.client
        with self._answers.counted(self._pipeline.engine(None), client.name) as counted:
            query = self._set_parameters.said(request.query_params.multi_items())
            set_request(query, self._sets)
            with self._slot(client):
                upload = await self._read(request, PHOTOS, self._most_photos)
                counted.about["bytes"] = sum(map(len, upload.photos))
                body = self._set_parameters.said(upload.said)
                said = self._set_parameters.joined(query, body, upload.way)
                asked, views = set_request(said, self._sets)
                counted.engine = self._engine(said)
                if counted.engine == COMPARE:
                    raise BadParameter("engine: a set is answered by one engine")
                outcomes = [
                    await self._within_deadline(photo, counted.engine, asked, client.payer)
                    for photo in upload.photos
                ]
            counted.outcome = "set"
        answers = {k: one.answer for k, one in enumerate(outcomes) if one.answer}
        response = SetResponse(
            engine=counted.engine,
            photos=[SetPhoto(answer=one.answer, problem=one.problem) for one in outcomes],
            set=summary(answers, views, asked.min_score),
        )
        return Response(response.model_dump_json(), media_type="application/json")

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
        """What a photo may be: its bytes (in millions), its pixels (in millions), its format; and
        the certainty below which a person should look, which belongs to the rules, but was read
        here first."""
        limits = self._pipeline.limits
        return {
            "max_upload_mb": limits.max_bytes / 1e6,
            # What is more but no JPEG is refused here.
            "max_megapixels": max(limits.max_pixels, limits.max_jpeg_pixels) / 1e6,
            "formats": [name.lower() for name in DECODERS],
            "min_score": MIN_SCORE,
        }

    async def rules(self) -> RuleBook:
        """The sets of rules that `rules` names, and how each rule is told from an answer: who
        holds that needs no other upload for another verdict."""
        return RuleBook(
            sets=self._sets, checks=CHECKS, min_score=MIN_SCORE, listing_order=LISTING_ORDER
        )

    async def healthz(self) -> dict[str, str]:
        """Whether this replica answers."""
        return {"status": "ok"}

    async def readyz(self) -> dict[str, str]:
        """Whether the default engine has its models loaded and answers, and photos are taken."""
        self._admission.check_open()
        await self._pipeline.ready()
        return {"status": "ready"}

    async def drain(self) -> None:
        """Takes no photo from now on, and ends when those in work are answered."""
        await self._admission.drain()

    async def _legacy(self, request: Request, engine: Engine) -> dict[str, Any]:
        asked = PoseRequest(include=frozenset({"annotated"}))
        client: Client = request.state.client
        with self._answers.counted(engine.name, client.name) as counted:
            with self._slot(client):
                # What such a client says beside the photo is its own affair.
                photo = _one(await self._read(request))
                counted.about["bytes"] = len(photo)
                answer = await self._answer(photo, engine.name, asked, client.payer)
            counted.answered(answer)
        assert isinstance(answer, PoseResponse)
        assert answer.images
        view, angle = LEGACY_VIEW[answer.pose.view], answer.pose.angle
        return {"image": answer.images["annotated"], "view": view, "angle": angle}

    @contextmanager
    def _slot(self, client: Client) -> Iterator[None]:
        most = client.key.max_in_flight if client.key else None
        try:
            with self._admission.slot(client.holder, most):
                self._places.set(self._admission.taken)
                yield
        finally:
            self._places.set(self._admission.taken)

    async def _read(self, request: Request, names: Sequence[str] = PHOTO, most: int = 1) -> Upload:
        async with self._admission.upload():
            upload = await read_upload(request, self._pipeline.limits, names, most)
        if len(upload.photos) > most > 1:
            raise BadParameter(f"image: there are {len(upload.photos)} photos, send {most} at most")
        return upload

    def _engine(self, said: Said) -> str:
        return self._pipeline.engine(next(iter(said.get("engine", ())), None))

    async def _answer(
        self, photo: bytes, engine: str, asked: PoseRequest, payer: Payer
    ) -> PoseResponse | Comparison:
        """By the deadline."""
        async with self._admission.deadline():
            if engine == COMPARE:
                return await self._pipeline.compare(photo, asked, payer)
            return await self._pipeline.answer(photo, engine, asked, payer)

    async def _within_deadline(
        self, photo: bytes, engine: str, asked: PoseRequest, payer: Payer
    ) -> EngineOutcome:
        """One photo of a set, by a deadline of its own."""
        try:
            async with self._admission.deadline():
                return await self._pipeline.outcome(photo, engine, asked, payer)
        except TimeoutError as error:
            return EngineOutcome(problem=meaning_of(error).body())


def _one(upload: Upload) -> bytes:
    """The photo of an upload that should have one."""
    if len(set(upload.photos)) > 1:
        raise BadParameter(f"image: there are {len(upload.photos)} photos, send one")
    return upload.photos[0]
