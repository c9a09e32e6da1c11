"""The engine `detectron2`: two detectors that run at the same time."""

import asyncio
from dataclasses import dataclass
from typing import Any

from carpose.engines import DETECTRON2, Found, found_by_own_models
from deployments.config import Args
from deployments.detector import Detector
from deployments.engines import Reference, ServedEngine
from deployments.remote import ask
from deployments.replicas import deployment


@dataclass(frozen=True)
class OwnModels:
    """See `deployments.engines.EngineHandle`."""

    main_car: Any
    car_parts: Any
    price_usd: float = 0.0

    async def detect(self, seen: Reference) -> Found:
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
        """What runs in each detector."""
        cars, parts = await asyncio.gather(
            self.main_car.info.remote(), self.car_parts.info.remote()
        )
        return {"main_car": cars, "car_parts": parts}


def _handle(args: Args) -> OwnModels:
    cars = deployment(Detector, args.main_car, "MainCarSegmenter")
    parts = deployment(Detector, args.car_parts, "CarPartDetector")
    return OwnModels(
        main_car=cars.bind("main_car", args.main_car),
        car_parts=parts.bind("car_parts", args.car_parts),
    )


OWN_MODELS = ServedEngine(DETECTRON2, _handle)
