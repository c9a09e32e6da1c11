"""Whether a photo is what was asked for: accepted, refused, or to be looked at by a person."""

from collections.abc import Iterator, Sequence
from typing import Final

from carpose.checks import findings as findings_of_photo
from carpose.checks import half_up
from carpose.parts import VIEWPOINTS, Viewpoint
from carpose.pose import Pose
from carpose.rules import NO_RULES, Rules
from carpose.schema import Compliance, Finding, Quality

MIN_SCORE: Final = 0.6
"""Probability of the viewpoint below which a person should look, set before docs/calibration.png
was drawn, which shows how many wrong answers it leaves and how many photos it sends to people."""

OF_VIEWPOINT: Final = ("viewpoint", "min-score")
"""Findings that an unsure viewpoint makes unsure."""

WALKS = ("", "an eighth of a turn", "a quarter turn", "three eighths of a turn", "half a turn")


def check(
    pose: Pose,
    expected: Sequence[Viewpoint],
    min_score: float | None = None,
    quality: Quality | None = None,
    rules: Rules = NO_RULES,
) -> Compliance:
    """The verdict on a photo, where any viewpoint of `expected` will do.

    expected: none where every viewpoint does.
    min_score: least probability of the viewpoint for a verdict without a person; None: MIN_SCORE
        where a viewpoint is expected.
    quality: what `rules` are about.
    """
    findings = [*_of_viewpoint(pose, expected, min_score)]
    if quality:
        findings += findings_of_photo(pose, quality, rules)
    codes = {finding.code for finding in findings}
    if codes - set(OF_VIEWPOINT):
        verdict = "refused"
    else:
        verdict = "review" if "min-score" in codes else "refused" if codes else "accepted"
    return Compliance(
        verdict=verdict,
        accepted=verdict == "accepted",
        reasons=[_reason(finding, expected) for finding in findings],
        findings=findings,
    )


def _of_viewpoint(
    pose: Pose, expected: Sequence[Viewpoint], min_score: float | None
) -> Iterator[Finding]:
    if expected and pose.viewpoint not in expected:
        yield _wrong(pose.viewpoint, expected)
    if pose.viewpoint_score is None or not (expected or min_score is not None):
        return
    # As the answer says it: who holds that comes to the same verdict.
    score, least = round(pose.viewpoint_score, 4), MIN_SCORE if min_score is None else min_score
    if score < least:
        has, wants = (half_up(100 * value) / 100 for value in (score, least))
        detail = f"not sure enough ({has:.2f}, asked for {wants:.2f}): look at it yourself"
        yield Finding(code="min-score", value=score, limit=least, detail=detail)


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
