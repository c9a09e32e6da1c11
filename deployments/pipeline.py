"""A photo's way through the graph: the library's order, its steps taken by deployments."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import ray
from ray.exceptions import RayError
from ray.serve.exceptions import DeploymentUnavailableError
from ray.serve.handle import DeploymentHandle

from carpose.agreement import compare
from carpose.engines import DETECTRON2, REKOGNITION, Engine, Found
from carpose.errors import BadParameter, EngineUnavailable
from carpose.images import Limits, Look, decode, pixels_of
from carpose.order import in_order
from carpose.request import PoseRequest
from carpose.schema import Comparison, EngineOutcome, PoseResponse
from deployments.admission import Admission
from deployments.beside import Beside
from deployments.config import IngressArgs
from deployments.engines import NOBODY, EngineHandle, Payer, Reference
from deployments.metrics import megapixel_histogram, stage_histogram
from deployments.parameters import COMPARE
from deployments.problems import meaning_of
from deployments.remote import ask
from deployments.stand_back import stand_back
from deployments.tracing import span

INFO_S = 5.0
"""Longest wait for what an engine says of itself."""

logger = logging.getLogger("ray.serve")


class Pipeline:
    """Sends photos through the deployments; the first engine is the default."""

    def __init__(
        self,
        args: IngressArgs,
        engines: Sequence[tuple[Engine, EngineHandle | None]],
        postprocessor: DeploymentHandle[Any] | Beside,
        admission: Admission,
    ) -> None:
        self._admission = admission
        self.limits = Limits(
            max_bytes=int(args.max_upload_mb * 1e6),
            max_pixels=int(args.max_megapixels * 1e6),
            max_jpeg_pixels=int(args.max_jpeg_megapixels * 1e6),
        )
        self._info_s = min(INFO_S, args.deadline_s)
        self._engines = {engine.name: (engine, handle) for engine, handle in engines}
        self._postprocessor = postprocessor
        self._executor = ThreadPoolExecutor(args.decode_threads, "decode", stand_back)
        self._seconds, self._megapixels = stage_histogram(), megapixel_histogram()

    @property
    def engines(self) -> list[str]:
        """Names of the engines of this server, and COMPARE; the first is the default."""
        return [*self._engines, COMPARE]

    def engine(self, name: str | None) -> str:
        """The name of an engine of this server, or COMPARE; the default for None.

        Raises: BadParameter naming what there is.
        """
        known = self.engines
        if name is not None and name not in known:
            raise BadParameter(f"engine: {name!r} is not one of {', '.join(known)}")
        return name or known[0]

    async def answer(
        self, content: bytes, engine: str, request: PoseRequest, payer: Payer = NOBODY
    ) -> PoseResponse:
        """The answer of an engine to a photo.

        Raises: CarposeError for a photo or request that cannot be answered; TimeoutError past
            the deadline; what Ray raises when deployments fail.
        """
        known, handle = self._configured(engine)
        steps = _Remote(self, content, known, handle, request, payer)
        answer, ms = await in_order(steps, known, request)
        for stage, value in (ms | {"total": sum(ms.values())}).items():
            self._seconds.observe(value / 1000, {"stage": stage})
        return answer.model_copy(update={"timings_ms": {s: round(v, 1) for s, v in ms.items()}})

    async def compare(
        self, content: bytes, request: PoseRequest, payer: Payer = NOBODY
    ) -> Comparison:
        """What both engines make of a photo; one that fails does not hold up the other.

        Raises: as `answer`; what the own models raise, when both engines failed.
        """
        _, paid = self._configured(REKOGNITION.name)
        # The same question to both: which car is meant must not depend on the engine.
        request = replace(request, cars=request.cars or "main")
        own, rekognition = await asyncio.gather(
            self.answer(content, DETECTRON2.name, request, payer),
            self.answer(content, REKOGNITION.name, request, payer),
            return_exceptions=True,
        )
        if isinstance(own, BaseException) and isinstance(rekognition, BaseException):
            raise own
        agreement = None
        if isinstance(own, PoseResponse) and isinstance(rekognition, PoseResponse):
            agreement = compare(own, rekognition)
        return Comparison(
            engine=COMPARE,
            detectron2=_outcome(own),
            rekognition=_outcome(rekognition),
            agreement=agreement,
            price_usd=paid.price_usd,
        )

    async def outcome(
        self, content: bytes, engine: str, request: PoseRequest, payer: Payer = NOBODY
    ) -> EngineOutcome:
        """The same, with a problem in place of what is raised."""
        try:
            return EngineOutcome(answer=await self.answer(content, engine, request, payer))
        except Exception as error:
            return _outcome(error)

    async def tune(self, user_configs: Mapping[str, Mapping[str, Any]]) -> None:
        """Makes, or tunes, the deployments that live in this process, by their names.

        Raises: what they raise.
        """
        if isinstance(self._postprocessor, Beside):
            await self._postprocessor.tune({})
        for _, handle in self._engines.values():
            if handle is not None:
                await handle.tune(user_configs)

    async def ready(self) -> None:
        """Returns when the default engine answers; raises when it does not in time."""
        _, handle = self._configured(self.engine(None))
        async with asyncio.timeout(self._info_s):
            await handle.ready()

    async def infos(self) -> dict[str, dict[str, Any]]:
        """What runs in every engine that is configured, or why it does not answer."""
        infos: dict[str, dict[str, Any]] = {}
        for engine, handle in self._engines.values():
            if handle is not None:
                try:
                    async with asyncio.timeout(self._info_s):
                        infos |= await handle.info()
                except (RayError, DeploymentUnavailableError, TimeoutError) as error:
                    infos[engine.name] = {"problem": meaning_of(error).detail}
        return infos

    def _configured(self, name: str) -> tuple[Engine, EngineHandle]:
        engine, handle = self._engines[name]
        if handle is None:
            raise EngineUnavailable(
                f"engine {name} is not configured on this server: {engine.hint}"
            )
        return engine, handle


@dataclass(frozen=True)
class _Remote:
    """See `carpose.order.Steps`."""

    pipeline: Pipeline
    content: bytes
    engine: Engine
    handle: EngineHandle
    request: PoseRequest
    payer: Payer

    async def decode(self, look: Look) -> Reference:
        loop = asyncio.get_running_loop()
        executor = self.pipeline._executor
        pixels = await loop.run_in_executor(executor, pixels_of, self.content)
        self.pipeline._megapixels.observe(pixels / 1e6)
        with span("decode"):
            async with self.pipeline._admission.room(pixels):
                return await loop.run_in_executor(executor, self._put, look)

    def _put(self, look: Look) -> Reference:
        picture = decode(self.content, self.pipeline.limits, look)
        if isinstance(self.pipeline._postprocessor, Beside):
            return picture
        # Copying a picture into the object store takes its time too.
        return ray.put(picture)

    async def detect(self, seen: Reference) -> Found:
        with span("detect"):
            return await self.handle.detect(seen, self.payer)

    async def tell(self, seen: Reference, found: Found) -> PoseResponse:
        with span("pose"):
            answer: PoseResponse = await ask(
                self.pipeline._postprocessor.answer, seen, found, self.engine, self.request
            )
        return answer


def _outcome(result: PoseResponse | BaseException) -> EngineOutcome:
    if isinstance(result, PoseResponse):
        return EngineOutcome(answer=result)
    meaning = meaning_of(result)
    if meaning.status == 500:
        logger.error("a bug of ours in one engine of two", exc_info=result)
    return EngineOutcome(problem=meaning.body())
