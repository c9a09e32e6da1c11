"""The models, on actors: decoded photos in, rows out."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import pyarrow as pa

from carpose.answer import Answer, to_answer
from carpose.engines import DETECTRON2, Found, found_by_own_models
from carpose.errors import CarposeError
from carpose.images import Look, Picture, decode
from carpose.lockstep import Asked, together
from carpose.model import load_model
from carpose.order import in_order
from carpose.request import PoseRequest
from carpose.segmenters import Device, Runtime
from deployments.bulk import pixels
from deployments.bulk.decoding import LIMITS
from deployments.bulk.schema import Row, columns_of, empty, table


@dataclass(frozen=True)
class Models:
    """What looks at the photos, where and how."""

    car_parts: str = "embedded:car_parts"
    main_car: str = "embedded:main_car"
    device: Device = "cpu"
    runtime: Runtime = "onnxruntime"
    threads: int = 1
    gpu_share: float = 1.0


@dataclass(frozen=True)
class _Steps:
    """Steps (see `carpose.order`) of a photo that was decoded for the first look."""

    content: bytes
    first: Picture
    request: PoseRequest

    async def decode(self, look: Look) -> Picture:
        if look == Look(DETECTRON2.longest_px):
            return self.first
        return decode(self.content, LIMITS, look)

    async def detect(self, seen: Picture) -> Found:
        return await Asked(seen)

    async def tell(self, seen: Picture, found: Found) -> Answer:
        return to_answer(seen, found, DETECTRON2, self.request)


class Scorer:
    """Both models, loaded once; masks: whether rows have them."""

    def __init__(self, models: Models, masks: bool = False) -> None:
        load = partial(
            load_model,
            device=models.device,
            runtime=models.runtime,
            threads=models.threads,
            gpu_share=models.gpu_share,
        )
        self._car_parts = load(models.car_parts, task="car_parts")
        self._main_car = load(models.main_car, task="main_car")
        self._identities = {
            "car_parts": self._car_parts.bundle.identity,
            "main_car": self._main_car.bundle.identity,
        }
        self._request = PoseRequest.of(include="masks" if masks else ())

    def __call__(self, photos: pa.Table) -> pa.Table:
        """Rows of decoded photos, in their order; verdicts are for later."""
        known = photos.select(pixels.KNOWN).to_pylist()
        steps = {
            k: _Steps(
                photos["content"][k].as_py(),
                pixels.picture_of(photos, k, row["width"], row["height"]),
                self._request,
            )
            for k, row in enumerate(known)
            if photos["pixels"][k].is_valid
        }
        told = dict(zip(steps, self._tell(list(steps.values())), strict=True))
        return table(
            [
                empty(row["uri"]) | {"models": self._identities} | row | told.get(k, {})
                for k, row in enumerate(known)
            ]
        )

    def _tell(self, steps: Sequence[_Steps]) -> list[Row]:
        try:
            ends = self._together(steps)
        except Exception as error:  # of a batch: each photo alone may do
            if len(steps) <= 1:
                return [_failed(error) for _ in steps]
            return [row for one in steps for row in self._tell([one])]
        return [
            _failed(end) if isinstance(end, Exception) else columns_of(end[0].response())
            for end in ends
        ]

    def _together(
        self, steps: Sequence[_Steps]
    ) -> list[tuple[Answer, dict[str, float]] | Exception]:
        return together([in_order(s, DETECTRON2, self._request) for s in steps], self._detect)

    def _detect(self, pictures: list[Picture]) -> list[Found]:
        cars, parts = self._main_car(pictures), self._car_parts(pictures)
        return [found_by_own_models(c, p) for c, p in zip(cars, parts, strict=True)]


def _failed(error: Exception) -> Row:
    """The answer's columns of a photo that has none."""
    if isinstance(error, CarposeError):
        return {"error": error.code, "error_detail": error.detail}
    # A bug of ours, or a device that fails: a row, for the others are to go on.
    return {"error": "internal", "error_detail": f"{type(error).__name__}: {error}"}
