"""How a car stands in the picture: view, viewpoint, angle, and why something cannot be told."""

from dataclasses import dataclass

from carpose.azimuth import Direction, direction
from carpose.certainty import viewpoint_score
from carpose.detections import Detections
from carpose.parts import View, Viewpoint, view_of
from carpose.wheels import Point, distinct_wheels, reference_line

ROUND_WHEEL = 0.75
"""Width by height of a wheel's box from which the wheel is seen from the side."""

SIDE_WHEELBASE = 3.0
"""Distance of two wheels in wheel heights from which both are on one side; about 4 side-on."""


@dataclass(frozen=True)
class Notice:
    """Why a value is None, or what to doubt; the code is stable, the detail for people."""

    code: str
    detail: str


@dataclass(frozen=True)
class Pose:
    """A car's pose; what cannot be told is None, with a notice that says why.

    viewpoint_score in [0, 1], the probability that the viewpoint is right; azimuth in [0, 360),
    degrees counter-clockwise round the car seen from above, 0 at its front, and azimuth_error one
    standard deviation of it; angle in [0, 90] and signed_angle in (-90, 90], degrees to the
    picture's horizontal; reference_line from left to right, pixels.
    """

    view: View | None
    viewpoint: Viewpoint | None
    viewpoint_score: float | None
    azimuth: float | None
    azimuth_error: float | None
    angle: float | None
    signed_angle: float | None
    reference_line: tuple[Point, Point] | None
    warnings: tuple[Notice, ...]


def estimate_pose(parts: Detections) -> Pose:
    """The pose of the car whose parts are `parts`, whatever engine found them."""
    warnings: list[Notice] = []
    seen = direction(parts)
    view, viewpoint, score = _viewpoint(parts, seen, warnings)
    azimuth, error = seen.azimuth(viewpoint) if seen and viewpoint else (None, None)
    wheels = distinct_wheels(parts)
    line = reference_line(wheels)
    if line is None:
        warnings.append(_no_line(len(wheels)))
    elif len(wheels) == 2 and viewpoint in ("front", "back"):
        detail = "the two wheels seen share an axle: the angle is that of the axle"
        warnings.append(Notice("axle-line", detail))
    return Pose(
        view=view,
        viewpoint=viewpoint,
        viewpoint_score=score,
        azimuth=azimuth,
        azimuth_error=error,
        angle=abs(line.signed_angle) if line else None,
        signed_angle=line.signed_angle if line else None,
        reference_line=(line.start, line.end) if line else None,
        warnings=tuple(warnings),
    )


def _viewpoint(
    parts: Detections, seen: Direction | None, warnings: list[Notice]
) -> tuple[View | None, Viewpoint | None, float | None]:
    if seen is not None:
        chances = seen.probabilities()
        viewpoint = max(chances, key=lambda v: chances[v])
        return view_of(viewpoint), viewpoint, viewpoint_score(chances, seen.evidence)
    if not len(parts):
        detail = "no parts of the car were found, so its side cannot be told"
        warnings.append(Notice("no-parts", detail))
        return None, None, None
    detail = "wheels alone do not tell the car's left from its right, or front from back"
    warnings.append(Notice("wheels-only", detail))
    return ("side" if _seen_from_the_side(parts) else None), None, None


def _seen_from_the_side(parts: Detections) -> bool:
    """Whether two round wheels stand as far apart as those of one side do."""
    wheels = distinct_wheels(parts)
    if len(wheels) < 2:
        return False
    size = wheels.boxes[:2, 2:] - wheels.boxes[:2, :2]
    distance = abs(wheels.centres[0, 0] - wheels.centres[1, 0])
    round_enough = (size[:, 0] >= ROUND_WHEEL * size[:, 1]).all()
    return bool(round_enough and distance >= SIDE_WHEELBASE * size[:, 1].max() > 0)


def _no_line(wheels: int) -> Notice:
    if wheels == 0:
        return Notice("no-wheels", "no wheel was found; an angle needs two")
    if wheels == 1:
        return Notice("one-wheel", "an angle needs at least two wheels")
    return Notice("coincident-wheels", "the wheels' centres coincide, so no line goes through them")
