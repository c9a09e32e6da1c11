"""From detections to the answer: the one place where all rules meet."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from carpose import compliance, render, rle
from carpose.detections import Detections, Window
from carpose.errors import BadParameter
from carpose.images import Picture, data_url, to_jpeg, to_png
from carpose.main_car import (
    car_box,
    cars_only,
    cropped_car,
    main_car,
    parts_of,
    single_car,
    with_parts,
)
from carpose.parts import VIEWPOINTS, Viewpoint
from carpose.pose import Pose, estimate_pose
from carpose.schema import (
    AnswerEngine,
    CarAnswer,
    Cars,
    Compliance,
    ImageSize,
    Include,
    PartAnswer,
    Pictures,
    PoseAnswer,
    PoseResponse,
    Warning_,
)

OVERLAY_PX = 1600
"""Longest side of an overlay: sharp on a screen, and a tenth of a phone photo's bytes."""

FULL_PX = 1 << 20


@dataclass(frozen=True)
class Question:
    """What is asked of a photo; `expect` empty means that every viewpoint will do.

    `cars` None takes the engine's habit: the largest car, but exactly one for Rekognition, as in
    the original AWS sample.
    """

    engine: AnswerEngine = "detectron2"
    include: frozenset[Include] = frozenset()
    expect: tuple[Viewpoint, ...] = ()
    cars: Cars | None = None

    @property
    def decoded_px(self) -> int | None:
        """Longest side to decode for the pictures asked for; None where none is."""
        if self.include & {"crop", "cutout"}:
            return FULL_PX
        return OVERLAY_PX if "annotated" in self.include else None


def parse_expect(text: str) -> tuple[Viewpoint, ...]:
    """Viewpoints separated by commas. Raises: BadParameter naming the allowed ones."""
    return _names("expect", text, VIEWPOINTS)


def parse_include(text: str) -> frozenset[Include]:
    """Includes separated by commas. Raises: BadParameter naming the allowed ones."""
    return frozenset(_names("include", text, get_args(Include)))


def _names(parameter: str, text: str, allowed: Sequence[Any]) -> tuple[Any, ...]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in allowed:
            raise BadParameter(f"{parameter}: {name!r} is not one of {', '.join(allowed)}")
    return tuple(dict.fromkeys(names))


def describe(
    picture: Picture, cars: Detections, parts: Detections, question: Question
) -> PoseResponse:
    """The answer to a photo from the cars and parts found in it, without timings.

    Raises: NoCar; MultipleCars where the question asks for a single one.
    """
    cars = cars_only(cars)
    if question.engine == "detectron2":
        # The part detector knows every part, so each car confirms itself; Rekognition's wheels
        # are missing from many a real car.
        cars = with_parts(cars, parts, picture.width, picture.height)
    wanted = question.cars or ("single" if question.engine == "rekognition" else "main")
    index = single_car(cars) if wanted == "single" else main_car(cars)
    own = parts_of(cars, index, parts, picture.width, picture.height)
    pose = estimate_pose(own)
    masks = "masks" in question.include
    fields: dict[str, Any] = {}
    if question.expect:
        accepted, reasons = compliance.check(pose.viewpoint, question.expect)
        fields["compliance"] = Compliance(accepted=accepted, reasons=reasons)
    if question.decoded_px:
        fields["images"] = _pictures(picture, cars, index, own, pose, question)
    return PoseResponse(
        engine=question.engine,
        image=ImageSize(width=picture.width, height=picture.height),
        pose=_pose(pose),
        car=_car(cars, index, own, picture, masks),
        parts=[_part(own, int(k), picture, masks) for k in np.argsort(-own.scores, kind="stable")],
        warnings=[Warning_(code=w.code, detail=w.detail) for w in pose.warnings],
        models=_models(cars, parts, question.engine),
        timings_ms={},
        **fields,
    )


def _models(cars: Detections, parts: Detections, engine: AnswerEngine) -> dict[str, str]:
    if engine == "rekognition":
        return {"rekognition": cars.model}
    return {"car_parts": parts.model, "main_car": cars.model}


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


def _car(cars: Detections, index: int, own: Detections, picture: Picture, masks: bool) -> CarAnswer:
    box, size = car_box(cars, index, own), (picture.width, picture.height)
    window = cropped_car(cars, index, own, *size) if masks else None
    return CarAnswer(**_object(box, cars.scores[index], window, size))


def _part(own: Detections, k: int, picture: Picture, masks: bool) -> PartAnswer:
    size = (picture.width, picture.height)
    window = own.cropped_mask(k, *size) if masks else None
    return PartAnswer(
        label=str(own.labels[k]), **_object(own.boxes[k], own.scores[k], window, size)
    )


def _object(
    box: NDArray[np.float32], score: np.float32, window: Window | None, size: tuple[int, int]
) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "box": tuple(round(float(v), 1) for v in box),
        "score": round(float(score), 4),
    }
    if window is not None:
        fields["mask"] = rle.encode(*window, *size)
    return fields


def _pictures(
    picture: Picture, cars: Detections, index: int, own: Detections, pose: Pose, question: Question
) -> Pictures:
    """The pictures asked for, drawn at the decoded size."""
    pixels = picture.pixels
    height, width = pixels.shape[:2]
    scale = width / picture.width
    car, own = _scaled(cars, scale), _scaled(own, scale)
    mask = np.zeros((height, width), np.bool_)
    rows, columns, inside = cropped_car(car, index, own, width, height)
    mask[rows, columns] = inside
    fields: dict[str, str] = {}
    if question.include & {"crop", "cutout"}:
        window = render.crop_window(car_box(car, index, own), width, height)
        cropped = np.ascontiguousarray(pixels[window])
        if "crop" in question.include:
            fields["crop"] = data_url(to_jpeg(cropped), "image/jpeg")
        if "cutout" in question.include:
            png = to_png(render.cutout(cropped, mask[window]))
            fields["cutout"] = data_url(png, "image/png")
    if "annotated" in question.include:
        drawn = render.annotated(pixels, own, mask, _scaled_pose(pose, scale))
        fields["annotated"] = data_url(to_jpeg(drawn), "image/jpeg")
    return Pictures(**fields)


def _scaled(found: Detections, scale: float) -> Detections:
    return replace(found, boxes=found.boxes * np.float32(scale))


def _scaled_pose(pose: Pose, scale: float) -> Pose:
    if pose.reference_line is None:
        return pose
    (x0, y0), (x1, y1) = pose.reference_line
    line = (x0 * scale, y0 * scale), (x1 * scale, y1 * scale)
    return replace(pose, reference_line=line)
