"""The front door: photos answered in this process."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Self

from carpose.answer import Answer, to_answer
from carpose.engines import DETECTRON2, Engine, Found, found_by_own_models
from carpose.images import Limits, Look, Picture, decode
from carpose.model import Model, load_model
from carpose.order import at_once, in_order
from carpose.request import Names, PoseRequest
from carpose.rules import NO_RULES, Rules, rule_set
from carpose.segmenters import Device, Runtime

NOTHING: Final = PoseRequest()


@dataclass(frozen=True)
class OwnModels:
    """The engine `detectron2`: both models on a picture, one after the other."""

    car_parts: Model
    main_car: Model

    def __call__(self, picture: Picture) -> Found:
        """Cars and parts in a picture."""
        cars, parts = self.main_car([picture])[0], self.car_parts([picture])[0]
        return found_by_own_models(cars, parts)


@dataclass(frozen=True)
class Estimator:
    """Answers photos; calls from several threads are allowed.

    detect: finds cars and parts in a picture.
    engine: whose habits apply.
    """

    detect: Callable[[Picture], Found]
    engine: Engine = DETECTRON2
    limits: Limits = Limits()

    @classmethod
    def load(
        cls,
        car_parts: str = "embedded:car_parts",
        main_car: str = "embedded:main_car",
        device: Device = "cpu",
        runtime: Runtime = "onnxruntime",
        threads: int = 2,
    ) -> Self:
        """An estimator with own models, by default those that come with carpose.

        Raises: BadBundle; MissingDependency.
        """
        load = partial(load_model, device=device, runtime=runtime, threads=threads)
        # ONNX Runtime optimises a network in one thread; torch is better imported by one alone.
        workers = 2 if runtime.startswith("onnxruntime") and device == "cpu" else 1
        with ThreadPoolExecutor(workers, thread_name_prefix="load") as pool:
            parts = pool.submit(load, car_parts, task="car_parts")
            car = pool.submit(load, main_car, task="main_car")
            return cls(OwnModels(parts.result(), car.result()))

    def answer(
        self,
        content: bytes,
        *,
        expect: Names = (),
        include: Names = (),
        cars: str | None = None,
        min_score: float | None = None,
        rules: str | Mapping[str, object] | Rules = NO_RULES,
    ) -> Answer:
        """The answer to an encoded photo: JPEG, PNG, WebP or HEIC.

        expect: acceptable viewpoints; the answer then has `compliance`.
        include: `masks`, `annotated`, `crop`, `cutout`: what `Answer.response` is to hold.
        cars: `main`, the largest car; `single`, to refuse a photo with several; or `all`, for
            each of them in `Answer.cars`.
        min_score: least probability of the viewpoint for a verdict without a person.
        rules: what else the photo should be: the name of one of `carpose.rules.RULE_SETS`, values
            such as `{"whole": True, "min_width": 800}`, or `Rules`. What a set expects counts
            where `expect` and `min_score` say nothing.

        Raises: BadParameter; BadImage and the other refusals of `decode`; NoCar; MultipleCars.
        """
        request = PoseRequest.of(expect, include, cars, min_score, rule_set(rules))
        looking = _Looking(self, content, request)
        answer, timings_ms = at_once(in_order(_Answering(looking), self.engine, request))
        return replace(
            answer,
            timings_ms=timings_ms,
            look_again=lambda look: looking.look(replace(look, turn=answer.turned)),
        )

    def look(self, content: bytes, request: PoseRequest = NOTHING) -> tuple[Picture, Found]:
        """The upright picture of an encoded photo, and all that was found in it after the last
        look; for who measures.

        Raises: BadImage and the other refusals of `decode`.
        """
        return at_once(in_order(_Looking(self, content, request), self.engine, request))[0]


@dataclass(frozen=True)
class _Looking:
    """Steps (see `carpose.order`) that end before the rules."""

    estimator: Estimator
    content: bytes
    request: PoseRequest

    def look(self, look: Look) -> Picture:
        return decode(self.content, self.estimator.limits, look)

    async def decode(self, look: Look) -> Picture:
        return self.look(look)

    async def detect(self, seen: Picture) -> Found:
        return self.estimator.detect(seen)

    async def tell(self, seen: Picture, found: Found) -> tuple[Picture, Found]:
        return seen, found


@dataclass(frozen=True)
class _Answering:
    """Steps that end in an answer."""

    looking: _Looking

    async def decode(self, look: Look) -> Picture:
        return await self.looking.decode(look)

    async def detect(self, seen: Picture) -> Found:
        return await self.looking.detect(seen)

    async def tell(self, seen: Picture, found: Found) -> Answer:
        return to_answer(seen, found, self.looking.estimator.engine, self.looking.request)
