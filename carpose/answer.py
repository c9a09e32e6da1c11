"""From what was found to the answer: the one place where all rules meet."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from carpose import compliance
from carpose.cars import Car, choose_car
from carpose.detections import Box
from carpose.engines import Engine, Found
from carpose.images import Look, Picture
from carpose.masks import MaskWindow
from carpose.outputs import OUTPUTS, as_data_url
from carpose.pose import Pose, estimate_pose
from carpose.render import Scene
from carpose.request import PoseRequest
from carpose.schema import (
    CarAnswer,
    Compliance,
    ImageSize,
    Mask,
    PartAnswer,
    PoseAnswer,
    PoseResponse,
    Warning_,
)


@dataclass(frozen=True, eq=False)
class Answer:
    """The answer to a photo; boxes, masks and lines are in pixels of the upright original.

    engine: name of the engine that looked.
    picture: as it was decoded.
    car: the car that the photo is about, with its own parts.
    pose: how it stands; what cannot be told is None, with a warning in `pose.warnings`.
    compliance: the verdict, where viewpoints were expected.
    models: identities of what found car and parts.
    timings_ms: of each stage.
    """

    engine: str
    request: PoseRequest
    picture: Picture
    car: Car
    pose: Pose
    compliance: Compliance | None
    models: Mapping[str, str]
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    look_again: Callable[[Look], Picture] | None = None
    """Decodes the photo once more, where a picture is drawn that needs more pixels."""

    def annotated(self) -> Image.Image:
        """The photo with parts, car, reference line and viewpoint drawn on it."""
        return Image.fromarray(self.draw("annotated"))

    def crop(self) -> Image.Image:
        """The car's box with a margin, at the photo's own resolution."""
        return Image.fromarray(self.draw("crop"))

    def cutout(self) -> Image.Image:
        """The crop with nothing around the car: RGBA."""
        return Image.fromarray(self.draw("cutout"))

    def draw(self, name: str) -> NDArray[np.uint8]:
        """(H, W, 3 or 4) pixels of one of `carpose.outputs.OUTPUTS`."""
        output, picture = OUTPUTS[name], self.picture
        enough = min(output.longest_px, max(picture.size))
        if self.look_again and max(picture.pixels.shape[:2]) < enough:
            picture = self.look_again(Look(output.longest_px))
        return output.draw(Scene.of(picture, self.car, self.pose))

    def response(self) -> PoseResponse:
        """The answer as it goes over HTTP."""
        car, parts, outputs = self.car, self.car.parts, self.request.outputs
        masks = "masks" in self.request.include
        best_first = (int(k) for k in np.argsort(-parts.scores, kind="stable"))
        return PoseResponse(
            engine=self.engine,
            image=ImageSize(width=self.picture.width, height=self.picture.height),
            pose=_pose(self.pose),
            car=CarAnswer(**_place(car.box, car.score, car.mask if masks else None)),
            parts=[
                PartAnswer(
                    label=str(parts.labels[k]),
                    **_place(parts.boxes[k], parts.scores[k], car.part_masks[k] if masks else None),
                )
                for k in best_first
            ],
            compliance=self.compliance,
            warnings=[Warning_(code=w.code, detail=w.detail) for w in self.pose.warnings],
            models=dict(self.models),
            timings_ms={stage: round(ms, 1) for stage, ms in self.timings_ms.items()},
            images={n: as_data_url(self.draw(n)) for n in outputs} if outputs else None,
        )


def to_answer(picture: Picture, found: Found, engine: Engine, request: PoseRequest) -> Answer:
    """The answer to a photo from what the engine found in it, without timings.

    Raises: NoCar; MultipleCars where the request or the engine wants a single one.
    """
    car = choose_car(found.cars, found.parts, engine.policy(request.cars))
    pose = estimate_pose(car.parts)
    return Answer(
        engine=engine.name,
        request=request,
        picture=picture,
        car=car,
        pose=pose,
        compliance=compliance.check(pose.viewpoint, request.expect) if request.expect else None,
        models=found.models,
    )


def _pose(pose: Pose) -> PoseAnswer:
    line = pose.reference_line
    return PoseAnswer(
        view=pose.view,
        viewpoint=pose.viewpoint,
        viewpoint_score=_rounded(pose.viewpoint_score, 4),
        angle=_rounded(pose.angle, 2),
        signed_angle=_rounded(pose.signed_angle, 2),
        reference_line=(_point(line[0]), _point(line[1])) if line else None,
    )


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _point(point: tuple[float, float]) -> tuple[float, float]:
    return round(point[0], 1), round(point[1], 1)


def _place(box: Box, score: float, mask: MaskWindow | None) -> dict[str, Any]:
    return {
        "box": tuple(round(float(v), 1) for v in box),
        "score": round(float(score), 4),
        "mask": Mask(size=mask.size[::-1], counts=mask.rle()) if mask is not None else None,
    }
