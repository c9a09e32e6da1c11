"""How far two engines agree on a photo."""

import numpy as np
import pytest

from carpose.agreement import alike, compare
from carpose.detections import Detections
from carpose.schema import CarAnswer, ImageSize, PartAnswer, PoseAnswer, PoseResponse

Box = tuple[float, float, float, float]
CAR: Box = (0, 0, 100, 50)
FRONT: Box = (10, 30, 30, 50)
REAR: Box = (70, 30, 90, 50)


def answer(
    engine: str,
    view: str | None = "side",
    angle: float | None = 0.0,
    car: Box = CAR,
    wheels: tuple[Box, ...] = (FRONT, REAR),
) -> PoseResponse:
    pose = PoseAnswer.model_construct(view=view, signed_angle=angle)
    parts = [PartAnswer(label="wheel", score=0.9, box=b) for b in wheels]
    return PoseResponse.model_construct(
        engine=engine,
        image=ImageSize(width=100, height=50),
        pose=pose,
        car=CarAnswer(box=car, score=0.9),
        parts=[PartAnswer(label="hood", score=0.9, box=CAR), *parts],
    )


@pytest.mark.parametrize(
    ("other", "agreement"),
    [
        ({}, (True, 0.0, 1.0, (2, 2, 2))),
        ({"view": "front"}, (False, 0.0, 1.0, (2, 2, 2))),
        ({"view": None}, (None, 0.0, 1.0, (2, 2, 2))),
        ({"angle": None}, (True, None, 1.0, (2, 2, 2))),
        ({"angle": 89.5}, (True, 89.5, 1.0, (2, 2, 2))),
        ({"car": (50, 0, 150, 50)}, (True, 0.0, 0.3333, (2, 2, 2))),
        ({"car": (200, 0, 300, 50)}, (True, 0.0, 0.0, (2, 2, 2))),
        ({"wheels": (FRONT,)}, (True, 0.0, 1.0, (2, 1, 1))),
        ({"wheels": (FRONT, FRONT, FRONT)}, (True, 0.0, 1.0, (2, 3, 1))),
        ({"wheels": ((30, 30, 50, 50),)}, (True, 0.0, 1.0, (2, 1, 0))),
    ],
    ids=["same", "other-view", "no-view", "no-angle", "upright", "shifted", "apart", "one-wheel", "doubled", "elsewhere"],
)  # fmt: skip
def test_two_answers_agree_in(other: dict, agreement: tuple) -> None:
    found = compare(answer("detectron2"), answer("rekognition", **other))
    wheels = (found.wheels.detectron2, found.wheels.rekognition, found.wheels.same)
    assert (found.same_view, found.angle_difference, found.car_iou, wheels) == agreement


def test_lines_turn_around_at_180_degrees() -> None:
    two = answer("detectron2", angle=89.0), answer("rekognition", angle=-89.0)
    assert compare(*two).angle_difference == 2.0


def test_detections_without_a_partner_do_not_match() -> None:
    def found(*boxes: tuple[float, float, float, float]) -> Detections:
        return Detections(
            np.array(boxes, np.float32).reshape(-1, 4),
            np.ones(len(boxes), np.float32),
            np.array(["wheel"] * len(boxes), dtype=str),
            np.full((len(boxes), 28, 28), 255, np.uint8),
            size=(200, 100),
        )

    box, near, far = (0, 0, 100, 100), (0, 0, 100, 99), (0, 0, 100, 90)
    assert alike(found(box), found(near), 0.95) == 1
    assert alike(found(box), found(far), 0.95) == 0
    assert alike(found(box, near), found(near), 0.95) == 1, "a partner is taken once"
    assert alike(found(), found(near), 0.95) == 0
