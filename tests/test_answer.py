"""Detections to the public answer, and the pictures drawn for it."""

import base64
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from carpose import rle
from carpose.answer import Question, describe, parse_expect, parse_include
from carpose.detections import Detections
from carpose.errors import BadParameter, MultipleCars, NoCar
from carpose.images import Picture
from carpose.parts import PARTS, VIEWPOINTS, mirrored, view_of

CAR = Detections(
    np.array([[200, 100, 600, 400]]),
    np.array([0.987654]),
    np.array(["car"]),
    np.full((1, 28, 28), 255, np.uint8),
    "cars@1",
)
WHEELS = Detections(
    np.array([[220, 300, 300, 380], [480, 300, 560, 380], [700, 300, 780, 380]]),
    np.array([0.7, 0.9, 0.8]),
    np.array(["wheel"] * 3),
    np.full((3, 28, 28), 255, np.uint8),
    "parts@1",
)


def picture(width: int = 800, height: int = 500, scale: float = 1.0) -> Picture:
    shape = (round(height * scale), round(width * scale), 3)
    return Picture(np.full(shape, 90, np.uint8), width, height)


def opened(url: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))


def test_the_answer_holds_the_main_car_and_its_own_parts_best_first() -> None:
    answer = describe(picture(), CAR, WHEELS, Question())
    assert answer.car.box == (200, 100, 600, 400)
    assert [part.score for part in answer.parts] == [0.9, 0.7]
    assert answer.models == {"main_car": "cars@1", "car_parts": "parts@1"}
    assert answer.compliance is None
    assert {w.code for w in answer.warnings} == {"wheels-only"}


def test_masks_are_on_the_original_picture() -> None:
    answer = describe(picture(scale=0.5), CAR, WHEELS, Question(include=frozenset({"masks"})))
    assert answer.car.mask is not None
    mask = rle.decode(answer.car.mask)
    assert mask.shape == (500, 800)
    assert mask.sum() == pytest.approx(400 * 300, rel=0.05)


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_pictures_are_drawn_at_the_decoded_size(scale: float) -> None:
    question = Question(include=frozenset({"annotated", "crop", "cutout"}))
    images = describe(picture(scale=scale), CAR, WHEELS, question).images
    assert images is not None
    assert images.annotated
    assert images.crop
    assert images.cutout
    assert opened(images.annotated).size == (800 * scale, 500 * scale)
    assert opened(images.crop).size == opened(images.cutout).size
    alpha = np.asarray(opened(images.cutout))[..., 3]
    assert alpha[0, 0] == 0
    assert alpha[alpha.shape[0] // 2, alpha.shape[1] // 2] == 255
    drawn = np.asarray(opened(images.annotated)).astype(int)
    y, x = int(320 * scale), int(500 * scale)
    assert abs(drawn[y, x] - 90).max() > 20, "a wheel is coloured"


def test_no_car_and_several_cars_are_refused() -> None:
    with pytest.raises(NoCar):
        describe(picture(), Detections.none(), WHEELS, Question())
    boxes = np.array([[650, 200, 800, 400], [200, 100, 600, 400]])
    two = Detections(boxes, np.ones(2), np.array(["car", "car"]))
    with pytest.raises(MultipleCars):
        describe(picture(), two, WHEELS, Question(cars="single"))


def test_a_large_thing_without_parts_is_not_the_main_car() -> None:
    boxes = np.array([[0, 0, 800, 90], [200, 100, 600, 400]])
    two = Detections(boxes, np.ones(2), np.array(["car", "car"]))
    assert describe(picture(), two, WHEELS, Question()).car.box == (200, 100, 600, 400)


def test_expected_viewpoints_make_a_verdict() -> None:
    answer = describe(picture(), CAR, WHEELS, Question(expect=("front",)))
    assert answer.compliance is not None
    assert not answer.compliance.accepted


@pytest.mark.parametrize("text", ["top", "front,top", "Front", "front left"])
def test_an_unknown_viewpoint_is_refused_with_the_known_ones(text: str) -> None:
    with pytest.raises(BadParameter, match="front-left"):
        parse_expect(text)


@given(st.text(max_size=20))
def test_any_text_is_a_parameter_or_a_refusal(text: str) -> None:
    for parse in (parse_expect, parse_include):
        try:
            parse(text)
        except BadParameter as error:
            assert error.detail


def test_lists_are_read_with_spaces_and_doubles() -> None:
    assert parse_expect(" front, back ,front,") == ("front", "back")
    assert parse_include("masks") == {"masks"}


@pytest.mark.parametrize("name", [*PARTS, *VIEWPOINTS])
def test_mirroring_twice_is_the_same_name(name: str) -> None:
    assert mirrored(mirrored(name)) == name
    assert (mirrored(name) == name) == ("left" not in name and "right" not in name)
    assert mirrored(name) in (*PARTS, *VIEWPOINTS)


def test_views_of_viewpoints() -> None:
    assert [view_of(v) for v in VIEWPOINTS] == [
        "front", "front", "side", "back", "back", "back", "side", "front"
    ]  # fmt: skip
