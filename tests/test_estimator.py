"""Photos answered in this process: the library's front door."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import carpose
from carpose.errors import BadBundle, BadImage, BadParameter, NoCar
from carpose.outputs import OUTPUTS, Output
from carpose.rules import Rules
from tests.support import encoded, opened
from tests.toy_engine import TOY, find


@pytest.fixture(scope="module")
def estimator() -> carpose.Estimator:
    return carpose.Estimator.load()


@pytest.fixture
def toy() -> carpose.Estimator:
    return carpose.Estimator(find, TOY)


LARGE = encoded(Image.effect_noise((1200, 900), 50).convert("RGB"))


def test_a_photo_is_answered(estimator: carpose.Estimator, photos: list[Path]) -> None:
    answer = estimator.answer(photos[0].read_bytes(), expect=["front-left"])
    with Image.open(photos[0]) as photo:
        width, height = photo.size
    assert answer.picture.size == (width, height)
    assert answer.car.mask.to_numpy().shape == (height, width)
    assert answer.car.mask.to_numpy().any()
    assert answer.pose.viewpoint is not None
    assert answer.compliance is not None
    assert answer.compliance.accepted == (answer.pose.viewpoint == "front-left")
    assert set(answer.timings_ms) == {"decode", "detect", "pose"}
    assert answer.annotated().size == (width, height)
    assert answer.cutout().mode == "RGBA"
    assert answer.response().pose.viewpoint == answer.pose.viewpoint


def test_a_picture_has_the_pixels_it_needs_whatever_was_decoded_before(
    toy: carpose.Estimator,
) -> None:
    answer = toy.answer(LARGE)
    assert max(answer.picture.pixels.shape) < 900, "enough for this engine"
    assert answer.crop().size == (1200, 900)
    assert toy.answer(LARGE, include="crop").picture.pixels.shape[:2] == (900, 1200)


def test_what_cannot_be_answered_is_an_error(estimator: carpose.Estimator) -> None:
    with pytest.raises(BadImage):
        estimator.answer(b"")
    with pytest.raises(NoCar):
        estimator.answer(encoded(Image.new("RGB", (64, 64))))
    with pytest.raises(BadParameter, match="front-left"):
        estimator.answer(LARGE, expect=["top"])


@pytest.mark.parametrize(
    ("rules", "expect", "codes"),
    [
        ({"min_width": 1201}, (), {"min-width"}),
        ({"min_width": 1200}, (), set()),
        ({"expect": ["back"], "whole": True}, (), {"viewpoint", "whole"}),
        ({"expect": ["back"], "framing": ["close-up"]}, "front", {"viewpoint"}),
        (Rules(max_car_share=0.5), (), {"max-car-share"}),
        ("claim-overview", (), {"viewpoint", "min-width", "whole", "framing"}),
    ],
)
def test_rules_are_asked_by_name_or_one_by_one(
    toy: carpose.Estimator, rules: Any, expect: str, codes: set[str]
) -> None:
    # The toy's car fills the picture and has no viewpoint.
    compliance = toy.answer(LARGE, rules=rules, expect=expect).compliance
    assert compliance is not None
    assert {finding.code for finding in compliance.findings} - {"sharp"} == codes


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ("catalogue", "listing-main, listing-side"),
        ({"hole": True}, "'hole' is not one of whole, framing"),
        ({"max_angle": 91}, "max_angle: 91"),
        ({"expect": ["top"]}, "'top'"),
    ],
)
def test_rules_that_do_not_exist_are_refused(
    toy: carpose.Estimator, rules: Any, words: str
) -> None:
    with pytest.raises(BadParameter, match=words):
        toy.answer(LARGE, rules=rules)


def test_a_bundle_of_another_task_is_refused() -> None:
    with pytest.raises(BadBundle, match="main_car bundle, not car_parts"):
        carpose.Estimator.load(car_parts="embedded:main_car")


def test_a_toy_engine_is_one_file(toy: carpose.Estimator) -> None:
    body = toy.answer(LARGE).response()
    assert (body.engine, body.models, body.car.box) == ("toy", {"toy": "toy@1"}, (0, 0, 1200, 900))


def test_a_toy_output_is_one_entry(toy: carpose.Estimator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OUTPUTS, "corner", Output("corner", 0, lambda s: s.pixels[:8, :8]))
    images = toy.answer(LARGE, include=["corner"]).response().images
    assert images is not None
    assert opened(images["corner"]).size == (8, 8)
    with pytest.raises(BadParameter, match="cutout, corner"):
        toy.answer(LARGE, include=["corners"])
