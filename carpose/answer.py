"""From what was found to the answer: the one place where all rules meet."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from carpose import compliance
from carpose.cars import Car, choose_cars, chosen
from carpose.detections import Box
from carpose.engines import Engine, Found
from carpose.errors import NoCar
from carpose.images import Look, Picture
from carpose.masks import MaskWindow
from carpose.outputs import OUTPUTS, as_data_url
from carpose.parts import turned_by
from carpose.pose import Notice, Pose, estimate_pose
from carpose.quality import measure
from carpose.render import Scene
from carpose.request import PoseRequest
from carpose.schema import (
    CarAnswer,
    Compliance,
    ImageSize,
    Mask,
    OneCar,
    PartAnswer,
    PoseAnswer,
    PoseResponse,
    Quality,
    Warning_,
)

if TYPE_CHECKING:
    import supervision


@dataclass(frozen=True, eq=False)
class Answer:
    """The answer to a photo; boxes, masks and lines are in pixels of the upright original.

    engine: name of the engine that looked.
    picture: as it was decoded, and turned.
    car: the car that the photo is about, with its own parts.
    cars: every car of the photo, the largest first.
    turned: degrees, clockwise, that the photo was turned by to bring its car upright.
    notices: what is worth knowing, and no reason to doubt.
    pose: how it stands; what cannot be told is None, with a warning in `pose.warnings`.
    quality: how well the photo shows it.
    compliance: the verdict, where something was asked for.
    models: identities of what found car and parts.
    timings_ms: of each stage.
    """

    engine: str
    request: PoseRequest
    picture: Picture
    car: Car
    pose: Pose
    quality: Quality
    compliance: Compliance | None
    models: Mapping[str, str]
    cars: Sequence[Car] = ()
    turned: int = 0
    notices: Sequence[Notice] = ()
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
        return output.draw(Scene.of(picture.in_srgb(), self.car, self.pose))

    def response(self, include: Collection[str] | None = None) -> PoseResponse:
        """The answer as it goes over HTTP; `include` in place of what the request included."""
        wanted = self.request.include if include is None else include
        outputs, masks = [name for name in OUTPUTS if name in wanted], "masks" in wanted
        main = _one_car(self.car, self.pose, masks)
        return PoseResponse(
            engine=self.engine,
            image=ImageSize(
                width=self.picture.width, height=self.picture.height, turned=self.turned
            ),
            pose=main.pose,
            car=main.car,
            parts=main.parts,
            quality=self.quality,
            compliance=self.compliance,
            warnings=main.warnings,
            notices=[Warning_(code=n.code, detail=n.detail) for n in self.notices],
            cars=self._every_car(masks) if self.request.cars == "all" else None,
            models=dict(self.models),
            timings_ms={stage: round(ms, 1) for stage, ms in self.timings_ms.items()},
            images={n: as_data_url(self.draw(n)) for n in outputs} if outputs else None,
        )

    def to_coco(self, file_name: str = "", car: bool = False) -> dict[str, Any]:
        """COCO's annotations of this photo, with polygons; see `carpose.exports.coco`."""
        return self.response({"masks"}).to_coco(file_name, car)

    def to_supervision(self, car: bool = False) -> "supervision.Detections":
        """Its parts, with masks, as supervision's Detections. Raises: MissingDependency."""
        return self.response({"masks"}).to_supervision(car)

    def _every_car(self, masks: bool) -> list[OneCar]:
        return [_one_car(car, pose_of(car), masks) for car in self.cars]


def _one_car(car: Car, pose: Pose, masks: bool) -> OneCar:
    parts = car.parts
    best_first = (int(k) for k in np.argsort(-parts.scores, kind="stable"))
    return OneCar(
        car=CarAnswer(**_place(car.box, car.score, car.mask if masks else None)),
        pose=_pose(pose),
        parts=[
            PartAnswer(
                label=str(parts.labels[k]),
                **_place(parts.boxes[k], parts.scores[k], car.part_masks[k] if masks else None),
            )
            for k in best_first
        ],
        warnings=[Warning_(code=w.code, detail=w.detail) for w in pose.warnings],
    )


def pose_of(car: Car) -> Pose:
    """How a car stands in its picture; one that lies in it, all the same, has no viewpoint."""
    pose = estimate_pose(car.parts)
    if not turned_by(str(car.body.labels[0])):
        return pose
    detail = "the car seems to lie on its side or its head: turn the photo upright"
    return replace(
        pose,
        view=None,
        viewpoint=None,
        viewpoint_score=None,
        azimuth=None,
        azimuth_error=None,
        warnings=(Notice("lying", detail), *pose.warnings),
    )


def _notices(found: Found, cars: Sequence[Car], car: Car) -> list[Notice]:
    notices = []
    if found.closer:
        notices.append(
            Notice("closer-look", "the car is small in the photo, and was looked at twice")
        )
    others = [other for other in cars if other is not car]
    if others:
        share = float(others[0].body.areas[0] / max(car.body.areas[0], 1))
        one = "another car is" if len(others) == 1 else f"{len(others)} other cars are"
        detail = f"{one} seen, the largest {share:.0%} of the main one's size"
        notices.append(Notice("other-cars", detail))
    return notices


def to_answer(picture: Picture, found: Found, engine: Engine, request: PoseRequest) -> Answer:
    """The answer to a photo from what the engine found in it, without timings.

    Raises: NoCar; MultipleCars where the request or the engine wants a single one.
    """
    policy = engine.policy(request.cars)
    cars = choose_cars(found.cars, found.parts, policy.need_parts)
    if found.unplaced and not cars:
        raise NoCar(f"{engine.title} sees a car but gives no place for it: show more of it, larger")
    car = chosen(cars, policy)
    pose = pose_of(car)
    if found.turned:
        detail = f"the photo was turned by {found.turned} degrees to bring its car upright"
        pose = replace(pose, warnings=(Notice("turned", detail), *pose.warnings))
    quality = measure(picture, car, len(cars))
    return Answer(
        engine=engine.name,
        request=request,
        picture=picture,
        car=car,
        pose=pose,
        quality=quality,
        compliance=_verdict(pose, quality, request),
        models=found.models,
        cars=cars,
        turned=found.turned,
        notices=_notices(found, cars, car),
    )


def _verdict(pose: Pose, quality: Quality, request: PoseRequest) -> Compliance | None:
    rules = request.rules
    if not request.expect and rules.empty and request.min_score is None:
        return None
    return compliance.check(pose, request.expect, request.min_score, quality, rules)


def _pose(pose: Pose) -> PoseAnswer:
    line = pose.reference_line
    return PoseAnswer(
        view=pose.view,
        viewpoint=pose.viewpoint,
        viewpoint_score=_rounded(pose.viewpoint_score, 4),
        azimuth=None if pose.azimuth is None else round(pose.azimuth, 1) % 360,
        azimuth_error=_rounded(pose.azimuth_error, 1),
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
