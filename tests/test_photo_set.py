"""What several photos of one car are together, from their answers."""

from typing import Any

import pytest

from carpose.answer import to_answer
from carpose.engines import DETECTRON2, found_by_own_models
from carpose.parts import Viewpoint
from carpose.photo_set import MIN_SCORE, of_each, summary
from carpose.request import PoseRequest
from carpose.rules import RULE_SETS
from carpose.schema import PoseResponse
from tests.test_answer import CAR, WHEELS, picture


def shown(
    viewpoint: Viewpoint | None,
    score: float | None = 0.9,
    sharpness: float = 0.7,
    whole: bool = True,
    verdict: str | None = None,
) -> PoseResponse:
    """An answer to a photo of this view."""
    answer = to_answer(
        picture(), found_by_own_models(CAR, WHEELS), DETECTRON2, PoseRequest.of("front")
    ).response()
    pose = answer.pose.model_copy(update={"viewpoint": viewpoint, "viewpoint_score": score})
    quality = answer.quality.model_copy(update={"sharpness": sharpness, "whole": whole})
    assert answer.compliance
    asked = answer.compliance.model_copy(update={"verdict": verdict}) if verdict else None
    return answer.model_copy(update={"pose": pose, "quality": quality, "compliance": asked})


CASES: dict[str, tuple[list[PoseResponse], list[Viewpoint], dict[str, Any]]] = {
    "nothing": ([], ["front"], {"missing": ["front"], "order": []}),
    "all there": (
        [shown("back"), shown("front")],
        ["front", "back"],
        {"complete": True, "missing": [], "order": [1, 0]},
    ),
    "in the order of listings": (
        [shown("back"), shown("left"), shown("front-left")],
        [],
        {"complete": True, "order": [2, 1, 0]},
    ),
    "the sharper one": (
        [shown("left", sharpness=0.4), shown("left"), shown("left", score=0.6)],
        [],
        {"doubles": [{"viewpoint": "left", "better": 1, "others": [2, 0]}], "order": [1]},
    ),
    "the whole one": (
        [shown("left", whole=False), shown("left", score=0.61)],
        [],
        {"doubles": [{"viewpoint": "left", "better": 1, "others": [0]}]},
    ),
    "a refused one": (
        [shown("left", verdict="refused"), shown("left", score=0.7, verdict="accepted")],
        ["left"],
        {"missing": [], "order": [1]},
    ),
    "refused alone": ([shown("left", verdict="refused")], ["left"], {"missing": ["left"]}),
    "an unsure one": ([shown("left", score=0.3)], ["left"], {"missing": ["left"], "order": [0]}),
    "without a viewpoint": ([shown(None, None)], ["left"], {"missing": ["left"], "order": []}),
}


@pytest.mark.parametrize("case", CASES)
def test_a_set(case: str) -> None:
    answers, views, expected = CASES[case]
    summed = summary(dict(enumerate(answers)), views).model_dump()
    assert {name: summed[name] for name in expected} == expected


def test_each_photo_of_a_set_is_asked_all_but_a_viewpoint() -> None:
    main = of_each(PoseRequest.of(rules=RULE_SETS["listing-main"]))
    assert main.expect == ()
    assert main.rules.whole
    assert main.min_score == MIN_SCORE, "a viewpoint that counts must be sure"
    assert of_each(PoseRequest.of("front", min_score=0.9)).min_score == 0.9
    assert of_each(PoseRequest()) == PoseRequest()


def test_how_sure_a_view_must_be_can_be_said() -> None:
    unsure = {0: shown("left", score=0.3)}
    assert summary(unsure, ["left"], 0.2).complete
    assert not summary({0: shown("left", score=0.8)}, ["left"], 0.9).complete
