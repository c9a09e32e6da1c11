"""Rules on the photo itself: what is measured, and what is said to who took it."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFilter

from carpose.cars import Car
from carpose.checks import CHECKS, MIN_BRIGHTNESS, MIN_SHARPNESS
from carpose.compliance import check
from carpose.detections import Detections
from carpose.images import Picture
from carpose.parts import VIEWPOINTS
from carpose.pose import Pose
from carpose.quality import measure
from carpose.rules import RULE_SETS, Rules
from carpose.schema import Quality

POSE = Pose("front", "front-left", 0.97, 40.0, 8.0, 35.0, 35.0, None, ())
GOOD = Quality(
    whole=True, cut=[], framing="whole", car_share=0.4, width=1024, sharpness=0.7,
    brightness=0.8, blown=0.0, cars=1,
)  # fmt: skip

CASES: list[tuple[dict[str, Any], dict[str, Any], str, str]] = [
    ({"whole": True}, {"whole": False, "cut": ["left", "bottom"]}, "whole", "step back"),
    ({"framing": ("whole",)}, {"framing": "distant"}, "framing", "go nearer"),
    ({"framing": ("whole",)}, {"framing": "close-up"}, "framing", "step back"),
    ({"framing": ("close-up",)}, {"framing": "whole"}, "framing", "go nearer"),
    ({"min_car_share": 0.3}, {"car_share": 0.1}, "min-car-share", "go nearer"),
    ({"max_car_share": 0.3}, {"car_share": 0.5}, "max-car-share", "step back"),
    ({"max_angle": 20}, {}, "max-angle", "35 degrees"),
    ({"min_width": 1280}, {}, "min-width", "1024 pixels"),
    ({"sharp": True}, {"sharpness": 0.1}, "sharp", "hold still"),
    ({"exposure": True}, {"brightness": 0.1}, "dark", "more light"),
    ({"exposure": True}, {"blown": 0.6}, "blown-out", "white"),
    ({"single": True}, {"cars": 3}, "single", "there are 3"),
]


@pytest.mark.parametrize(("rule", "value", "code", "words"), CASES, ids=[c[2] for c in CASES])
def test_a_rule_that_is_broken_refuses_and_says_what_to_do(
    rule: dict[str, Any], value: dict[str, Any], code: str, words: str
) -> None:
    verdict = check(POSE, (), None, GOOD.model_copy(update=value), Rules(**rule))
    assert verdict.verdict == "refused"
    assert [finding.code for finding in verdict.findings] == [code]
    assert words in verdict.findings[0].detail
    assert verdict.reasons == [verdict.findings[0].detail]
    assert check(POSE, (), None, GOOD.model_copy(update=value), Rules()).accepted


def test_what_is_measured_for_sure_outweighs_an_unsure_viewpoint() -> None:
    unsure = replace(POSE, viewpoint_score=0.3)
    assert check(unsure, ("front-left",), None, GOOD, Rules(sharp=True)).verdict == "review"
    blurred = GOOD.model_copy(update={"sharpness": 0.1})
    assert check(unsure, ("front-left",), None, blurred, Rules(sharp=True)).verdict == "refused"


def test_a_limit_of_nothing_is_one() -> None:
    assert check(POSE, (), None, GOOD, Rules(max_car_share=0, max_angle=0)).findings
    assert check(POSE, (), None, GOOD, Rules(min_car_share=0)).accepted
    assert Rules().empty
    assert not Rules(max_angle=0).empty


def test_a_value_is_judged_as_the_answer_says_it() -> None:
    near = replace(POSE, angle=20.004, viewpoint_score=0.59996)
    assert check(near, ("front-left",), 0.6, GOOD, Rules(max_angle=20)).accepted


def test_every_rule_has_a_check_of_something_that_is_measured() -> None:
    assert {one.rule for one in CHECKS} == set(Rules.model_fields)
    assert {one.of for one in CHECKS} <= {*Quality.model_fields, "angle"}


def test_ready_sets_speak_of_viewpoints_that_exist() -> None:
    for name, rules in RULE_SETS.items():
        assert {*rules.expect, *rules.views} <= set(VIEWPOINTS), name
        assert not rules.empty


def car_at(box: tuple[int, int, int, int], size: tuple[int, int] = (400, 300)) -> Car:
    cells = np.full((1, 28, 28), 255, np.uint8)
    body = Detections(np.array([box]), np.ones(1), np.array(["car"]), cells, size=size)
    return Car(body, Detections.none(size))


@pytest.mark.parametrize(
    ("box", "cut", "framing"),
    [
        ((50, 50, 350, 250), [], "whole"),
        ((0, 50, 350, 250), ["left"], "whole"),
        ((150, 1, 400, 299), ["right", "top", "bottom"], "whole"),
        ((3, 3, 397, 297), [], "close-up"),
        ((180, 130, 230, 170), [], "distant"),
    ],
)
def test_how_the_car_stands_in_the_picture_is_measured(
    box: tuple[int, int, int, int], cut: list[str], framing: str
) -> None:
    grey = Picture(np.full((300, 400, 3), 90, np.uint8), 400, 300)
    quality = measure(grey, car_at(box), 1)
    assert (quality.cut, quality.whole, quality.framing) == (cut, not cut, framing)


def test_blur_and_light_are_measured_on_the_car_alone() -> None:
    noise = np.random.default_rng(5).integers(60, 200, (15, 20, 3), np.uint8)
    sharp = Image.fromarray(np.repeat(np.repeat(noise, 20, 0), 20, 1))
    car, box = car_at((100, 75, 300, 225)), (100, 75, 300, 225)

    def with_car(changed: Image.Image) -> Quality:
        image = sharp.copy()
        image.paste(changed.crop(box), box)
        return measure(Picture(np.asarray(image), 400, 300), car, 1)

    def around_it(changed: Image.Image) -> Quality:
        image = changed.copy()
        image.paste(sharp.crop(box), box)
        return measure(Picture(np.asarray(image), 400, 300), car, 1)

    blurred, dark = sharp.filter(ImageFilter.GaussianBlur(5)), sharp.point(lambda v: v // 8)
    assert with_car(blurred).sharpness < MIN_SHARPNESS < around_it(blurred).sharpness
    assert with_car(dark).brightness < MIN_BRIGHTNESS < around_it(dark).brightness
    assert with_car(sharp.point(lambda v: 255)).blown > 0.9
    assert around_it(sharp.point(lambda v: 255)).blown < 0.05


def test_brightness_is_a_quantile_of_the_car_s_pixels() -> None:
    pixels = np.random.default_rng(5).integers(0, 256, (300, 400, 1), np.uint8).repeat(3, axis=2)
    for box in ((100, 75, 300, 225), (0, 0, 400, 300), (380, 290, 400, 300)):
        x0, y0, x1, y1 = box
        # At its own size a car of up to 320 pixels is measured as it is.
        seen = pixels[y0:y1, x0:x1, 0]
        quality = measure(Picture(pixels, 400, 300), car_at(box), 1)
        if x1 - x0 < 320:
            assert quality.brightness == round(float(np.quantile(seen, 0.9)) / 255, 3)
            assert quality.blown == round(float((seen >= 250).mean()), 3)
