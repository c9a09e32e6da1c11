"""Whether a photo shows what is asked for: accepted, refused, or to be looked at by a person."""

from collections.abc import Sequence
from typing import Final

from carpose.parts import VIEWPOINTS, Viewpoint
from carpose.pose import Pose
from carpose.schema import Compliance, Finding

MIN_SCORE: Final = 0.6
"""Probability of the viewpoint below which a person should look; docs/calibration.png shows how
many wrong answers that catches, and how many right ones it sends to people."""

WALKS = ("", "an eighth of a turn", "a quarter turn", "three eighths of a turn", "half a turn")


def check(pose: Pose, expected: Sequence[Viewpoint], min_score: float | None = None) -> Compliance:
    """The verdict on a pose where any viewpoint of `expected` will do.

    min_score: least probability of the viewpoint for a verdict without a person; None: MIN_SCORE.
    """
    findings = []
    wrong = pose.viewpoint not in expected
    if wrong:
        findings.append(_wrong(pose.viewpoint, expected))
    score, least = pose.viewpoint_score, MIN_SCORE if min_score is None else min_score
    if score is not None and score < least:
        detail = f"not sure enough ({score:.2f}, asked for {least:.2f}): look at it yourself"
        findings.append(Finding(code="min-score", value=score, limit=least, detail=detail))
    unsure = any(finding.code == "min-score" for finding in findings)
    verdict = "review" if unsure else "refused" if wrong else "accepted"
    return Compliance(
        verdict=verdict,
        accepted=verdict == "accepted",
        reasons=[_reason(finding, expected) for finding in findings],
        findings=findings,
    )


def _wrong(viewpoint: Viewpoint | None, expected: Sequence[Viewpoint]) -> Finding:
    if viewpoint is None:
        detail = "the viewpoint could not be told: show more of the car"
    else:
        steps = {
            wanted: min(k := (VIEWPOINTS.index(wanted) - VIEWPOINTS.index(viewpoint)) % 8, 8 - k)
            for wanted in expected
        }
        nearest = min(expected, key=lambda wanted: steps[wanted])
        detail = f"walk {WALKS[steps[nearest]]} round the car, to its {_place(nearest)}"
    return Finding(code="viewpoint", value=viewpoint, limit=list(expected), detail=detail)


def _place(viewpoint: Viewpoint) -> str:
    corner = "-" in viewpoint
    words = viewpoint.replace("-", " ")
    return (
        f"{words} corner"
        if corner
        else words
        if viewpoint in ("front", "back")
        else f"{words} side"
    )


def _reason(finding: Finding, expected: Sequence[Viewpoint]) -> str:
    """The sentence that clients have read since before there were findings."""
    if finding.code != "viewpoint":
        return finding.detail
    wanted = " or ".join(expected)
    if finding.value is None:
        return f"the viewpoint could not be told, expected {wanted}"
    return f"viewpoint is {finding.value}, expected {wanted}"
