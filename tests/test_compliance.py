"""The verdict on a photo: accepted, refused with what to do, or to be looked at by a person."""

from dataclasses import replace

import pytest

from carpose.compliance import MIN_SCORE, check
from carpose.parts import VIEWPOINTS, view_of
from carpose.pose import Pose

POSE = Pose("front", "front-left", 0.97, 40.0, 8.0, None, None, None, ())


def seen(viewpoint, score: float = 0.97) -> Pose:
    view = view_of(viewpoint) if viewpoint else None
    return replace(POSE, view=view, viewpoint=viewpoint, viewpoint_score=score)


@pytest.mark.parametrize(
    ("viewpoint", "score", "expect", "verdict"),
    [
        ("front-left", 0.97, ("front-left",), "accepted"),
        ("front-left", 0.97, ("back", "front-left"), "accepted"),
        ("front-left", 0.97, ("front",), "refused"),
        ("front-left", 0.3, ("front-left",), "review"),
        ("front-left", 0.3, ("front",), "review"),
        (None, None, ("front",), "refused"),
    ],
)
def test_the_verdict(viewpoint, score, expect, verdict) -> None:
    found = check(seen(viewpoint, score), expect)
    assert found.verdict == verdict
    assert found.accepted is (verdict == "accepted")
    assert bool(found.findings) is bool(found.reasons) is (verdict != "accepted")


def test_the_limit_can_be_moved() -> None:
    pose = seen("front", MIN_SCORE + 0.1)
    assert check(pose, ("front",)).verdict == "accepted"
    unsure = check(pose, ("front",), min_score=0.99)
    assert unsure.verdict == "review"
    assert unsure.findings[0].limit == 0.99
    assert check(seen("front", 0.01), ("front",), min_score=0.0).verdict == "accepted"


@pytest.mark.parametrize(
    ("viewpoint", "expect", "walk"),
    [
        ("front", ("front-left",), "walk an eighth of a turn round the car, to its front left corner"),
        ("front-left", ("front",), "walk an eighth of a turn round the car, to its front"),
        ("left", ("front",), "walk a quarter turn round the car, to its front"),
        ("back", ("front",), "walk half a turn round the car, to its front"),
        ("front-right", ("left", "right"), "walk an eighth of a turn round the car, to its right side"),
    ],
)  # fmt: skip
def test_a_refusal_says_where_to_walk(viewpoint, expect, walk) -> None:
    finding = check(seen(viewpoint), expect).findings[0]
    assert finding.code == "viewpoint"
    assert finding.value == viewpoint
    assert finding.detail == walk


def test_every_wrong_viewpoint_has_a_way() -> None:
    for viewpoint in VIEWPOINTS:
        for wanted in VIEWPOINTS:
            if viewpoint != wanted:
                assert check(seen(viewpoint), (wanted,)).findings[0].detail.startswith("walk ")
