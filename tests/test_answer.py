"""Detections to the public answer, and the pictures drawn for it."""

import json

import numpy as np
import pytest

from carpose.answer import to_answer
from carpose.detections import Detections
from carpose.engines import DETECTRON2, found_by_own_models
from carpose.errors import MultipleCars, NoCar
from carpose.images import Picture
from carpose.request import PoseRequest
from carpose.schema import PoseResponse
from tests.support import decoded, opened

CAR = Detections(
    np.array([[200, 100, 600, 400]]),
    np.array([0.987654]),
    np.array(["car"]),
    np.full((1, 28, 28), 255, np.uint8),
    "cars@1",
    size=(800, 500),
)
WHEELS = Detections(
    np.array([[220, 300, 300, 380], [480, 300, 560, 380], [700, 300, 780, 380]]),
    np.array([0.7, 0.9, 0.8]),
    np.array(["wheel"] * 3),
    np.full((3, 28, 28), 255, np.uint8),
    "parts@1",
    size=(800, 500),
)


def picture(width: int = 800, height: int = 500, scale: float = 1.0) -> Picture:
    shape = (round(height * scale), round(width * scale), 3)
    return Picture(np.full(shape, 90, np.uint8), width, height)


def answer(
    cars: Detections = CAR,
    parts: Detections = WHEELS,
    include: str = "",
    expect: str = "",
    which: str | None = None,
    scale: float = 1.0,
) -> PoseResponse:
    request = PoseRequest.of(expect, include, which)
    found = found_by_own_models(cars, parts)
    return to_answer(picture(scale=scale), found, DETECTRON2, request).response()


def test_the_answer_holds_the_main_car_and_its_own_parts_best_first() -> None:
    body = answer()
    assert body.car.box == (200, 100, 600, 400)
    assert [part.score for part in body.parts] == [0.9, 0.7]
    assert body.models == {"main_car": "cars@1", "car_parts": "parts@1"}
    assert body.compliance is None
    assert {w.code for w in body.warnings} == {"wheels-only"}


def test_masks_are_on_the_original_picture() -> None:
    body = answer(include="masks", scale=0.5)
    assert body.car.mask is not None
    assert body.car.mask.size == (500, 800)
    mask = decoded((800, 500), body.car.mask.counts)
    assert mask.shape == (500, 800)
    assert mask.sum() == pytest.approx(400 * 300, rel=0.05)


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_pictures_are_drawn_at_the_decoded_size(scale: float) -> None:
    images = answer(include="upright,annotated,crop,cutout", scale=scale).images
    assert images is not None
    assert opened(images["upright"]).size == (800 * scale, 500 * scale)
    assert opened(images["annotated"]).size == (800 * scale, 500 * scale)
    assert opened(images["crop"]).size == opened(images["cutout"]).size
    alpha = np.asarray(opened(images["cutout"]))[..., 3]
    assert alpha[0, 0] == 0
    assert alpha[alpha.shape[0] // 2, alpha.shape[1] // 2] == 255
    drawn = np.asarray(opened(images["annotated"])).astype(int)
    y, x = int(320 * scale), int(500 * scale)
    assert abs(drawn[y, x] - 90).max() > 20, "a wheel is coloured"


def test_no_car_and_several_cars_are_refused() -> None:
    with pytest.raises(NoCar):
        answer(cars=Detections.none((800, 500)))
    boxes = np.array([[650, 200, 800, 400], [200, 100, 600, 400]])
    two = Detections(boxes, np.ones(2), np.array(["car", "car"]), size=(800, 500))
    with pytest.raises(MultipleCars):
        answer(cars=two, which="single")


def test_a_large_thing_without_parts_is_not_the_main_car() -> None:
    boxes = np.array([[0, 0, 800, 90], [200, 100, 600, 400]])
    two = Detections(boxes, np.ones(2), np.array(["car", "car"]), size=(800, 500))
    assert answer(cars=two).car.box == (200, 100, 600, 400)


def test_expected_viewpoints_make_a_verdict() -> None:
    verdict = answer(expect="front").compliance
    assert verdict is not None
    assert not verdict.accepted


def test_what_was_not_asked_for_is_absent_and_what_cannot_be_told_is_null() -> None:
    body = json.loads(answer().model_dump_json())
    assert not {"compliance", "images"} & set(body)
    assert "mask" not in body["car"]
    assert body["pose"]["viewpoint"] is None
