"""Whether a photo is what was asked for: accepted, refused, or to be looked at by a person."""

from collections.abc import Iterator, Sequence
from typing import Final

from carpose.parts import VIEWPOINTS, Viewpoint
from carpose.pose import Pose
from carpose.rules import NO_RULES, Rules
from carpose.schema import Compliance, Finding, Quality

MIN_SCORE: Final = 0.6
"""Probability of the viewpoint below which a person should look, set before docs/calibration.png
was drawn, which shows how many wrong answers it leaves and how many photos it sends to people."""

MIN_SHARPNESS: Final = 0.3
MIN_BRIGHTNESS: Final = 0.25
MAX_BLOWN: Final = 0.3
"""What `sharp` and `exposure` ask for: docs/quality.png shows what these catch of photos made worse
step by step, and that they leave the photos alone."""

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
        findings += _of_photo(pose, quality, rules)
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
    score, least = pose.viewpoint_score, MIN_SCORE if min_score is None else min_score
    if score is not None and score < least and (expected or min_score is not None):
        detail = f"not sure enough ({score:.2f}, asked for {least:.2f}): look at it yourself"
        yield Finding(code="min-score", value=score, limit=least, detail=detail)


def _of_photo(pose: Pose, quality: Quality, rules: Rules) -> Iterator[Finding]:
    if rules.whole and quality.cut:
        cut = " and ".join(quality.cut)
        yield Finding(code="whole", value=cut, limit=[], detail=f"step back: the {cut} is cut off")
    if rules.framing and quality.framing not in rules.framing:
        nearer = quality.framing == "distant" or "close-up" in rules.framing
        detail = f"{'go nearer' if nearer else 'step back'}: this is {quality.framing}"
        yield Finding(
            code="framing", value=quality.framing, limit=list(rules.framing), detail=detail
        )
    yield from _limits(pose, quality, rules)
    if rules.sharp and quality.sharpness < MIN_SHARPNESS:
        yield Finding(
            code="sharp",
            value=quality.sharpness,
            limit=MIN_SHARPNESS,
            detail="hold still and focus on the car: it is blurred",
        )
    if rules.exposure and quality.brightness < MIN_BRIGHTNESS:
        yield Finding(
            code="dark",
            value=quality.brightness,
            limit=MIN_BRIGHTNESS,
            detail="find more light: the car is dark",
        )
    if rules.exposure and quality.blown > MAX_BLOWN:
        yield Finding(
            code="blown-out",
            value=quality.blown,
            limit=MAX_BLOWN,
            detail="expose for the car, or turn from the light: much of it is nothing but white",
        )
    if rules.single and quality.cars > 1:
        yield Finding(
            code="single",
            value=quality.cars,
            limit=1,
            detail=f"take the photo with one car in it: there are {quality.cars}",
        )


def _limits(pose: Pose, quality: Quality, rules: Rules) -> Iterator[Finding]:
    share = quality.car_share
    takes = f"the car takes {share:.0%} of the picture, asked for"
    least, most = rules.min_car_share, rules.max_car_share
    if least is not None and share < least:
        detail = f"go nearer: {takes} {least:.0%}"
        yield Finding(code="min-car-share", value=share, limit=least, detail=detail)
    if most is not None and share > most:
        detail = f"step back: {takes} at most {most:.0%}"
        yield Finding(code="max-car-share", value=share, limit=most, detail=detail)
    steepest = rules.max_angle
    if steepest is not None and pose.angle is not None and pose.angle > steepest:
        detail = f"hold the camera level, further to the side: {pose.angle:.0f} degrees"
        value = round(pose.angle, 2)
        yield Finding(code="max-angle", value=value, limit=steepest, detail=detail)
    width = rules.min_width
    if width is not None and quality.width < width:
        detail = f"send the photo in full: it has {quality.width} pixels across, asked for {width}"
        yield Finding(code="min-width", value=quality.width, limit=width, detail=detail)


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
