"""The engine `detectron2`: two detectors that run at the same time."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from carpose.bundles import Task
from carpose.engines import DETECTRON2, Found, found_by_own_models
from deployments.beside import Beside
from deployments.config import Args, DetectorArgs
from deployments.detector import Detector
from deployments.engines import Payer, Reference, ServedEngine
from deployments.problems import meaning_of
from deployments.remote import ask, ask_all
from deployments.replicas import deployment


@dataclass(frozen=True)
class OwnModels:
    """See `deployments.engines.EngineHandle`."""

    main_car: Any
    car_parts: Any
    price_usd: float = 0.0

    async def detect(self, seen: Reference, payer: Payer) -> Found:
        """Cars and parts in a picture.

        The detections come back here before they go on. Handing their references straight to the
        postprocessor would save a hop, but Ray Serve takes a detector's death for the death of
        the postprocessor that waits for it.
        """
        cars, parts = await asyncio.gather(
            ask(self.main_car.detect, seen), ask(self.car_parts.detect, seen)
        )
        return found_by_own_models(cars, parts)

    async def info(self) -> dict[str, dict[str, Any]]:
        """What runs in each detector, and in every replica of it."""
        cars, parts = await asyncio.gather(
            ask_all(self.main_car, "info"), ask_all(self.car_parts, "info")
        )
        return {"main_car": in_all(cars), "car_parts": in_all(parts)}

    async def ready(self) -> None:
        """See `EngineHandle`."""
        await asyncio.gather(self.main_car.info.remote(), self.car_parts.info.remote())

    async def tune(self, user_configs: Mapping[str, Mapping[str, Any]]) -> None:
        """See `EngineHandle`."""
        beside = [d for d in (self.main_car, self.car_parts) if isinstance(d, Beside)]
        await asyncio.gather(*(d.tune(user_configs.get(d.name, {})) for d in beside))


OF_EACH = ("replica", "bundle", "bundle_error", "fallback", "score_threshold", "gpus", "problem")
"""What may be another thing in every replica, of what one says of itself."""

TROUBLE = ("bundle_error", "fallback")


def in_all(answers: Sequence[dict[str, Any] | BaseException]) -> dict[str, Any]:
    """What a detector's replicas say, as one: the words of one, of one in trouble where there is
    any, and `replicas` with what each of them serves.

    Raises: the first exception, where no replica answered.
    """
    spoken = [answer for answer in answers if not isinstance(answer, BaseException)]
    if not spoken:
        raise next(answer for answer in answers if isinstance(answer, BaseException))
    one = next((each for each in spoken if any(key in each for key in TROUBLE)), spoken[0])
    everyone = [
        {"problem": meaning_of(answer).detail}
        if isinstance(answer, BaseException)
        else {key: answer[key] for key in OF_EACH if key in answer}
        for answer in answers
    ]
    return {key: value for key, value in one.items() if key != "replica"} | {"replicas": everyone}


def _handle(args: Args) -> OwnModels:
    def detector(name: str, task: Task, own: DetectorArgs) -> Any:
        if args.together:
            return Beside(name, Detector, (task, own))
        return deployment(Detector, own, name).bind(task, own)

    return OwnModels(
        main_car=detector("MainCarSegmenter", "main_car", args.main_car),
        car_parts=detector("CarPartDetector", "car_parts", args.car_parts),
    )


OWN_MODELS = ServedEngine(DETECTRON2, _handle)
