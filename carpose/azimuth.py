"""From which direction a car is seen, as evidence of its parts.

The direction is split in three: how far the view is turned from an end of the car towards its
side (`turn`, degrees, 0 end-on, 90 side-on), whether that end is the front, and whether that side
is the left one. All sums are exact (math.fsum), so the order of detections cannot matter.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from carpose.detections import Detections
from carpose.parts import Viewpoint, side_of

EXTENTS = {
    # part: (width across the car, length along the car) in metres, of typical passenger cars,
    # and how far that can be trusted: hoods and windows slope, and what the data calls trunk
    # is the whole bed of a pickup.
    "front_bumper": (1.8, 0.5, 1.0),
    "back_bumper": (1.8, 0.5, 1.0),
    "hood": (1.5, 1.0, 0.3),
    "front_glass": (1.35, 0.75, 0.3),
    "back_glass": (1.25, 0.6, 0.3),
    "trunk": (1.5, 1.8, 0.1),
    "tailgate": (1.45, 0.3, 0.3),
    "front_left_door": (0.0, 1.05, 1.0),
    "front_right_door": (0.0, 1.05, 1.0),
    "back_left_door": (0.0, 1.05, 1.0),
    "back_right_door": (0.0, 1.05, 1.0),
}
END_WEIGHT = {
    "front_bumper": 1.0,
    "hood": 1.0,
    "front_glass": 0.7,
    "front_left_light": 0.6,
    "front_right_light": 0.6,
    "back_bumper": -1.0,
    "trunk": -1.0,
    "tailgate": -1.0,
    "back_glass": -0.7,
    "back_left_light": -0.6,
    "back_right_light": -0.6,
}
"""Positive speaks for the front. Lights are small but unmistakable."""

PLACE_VOTES = (
    # (what is nearer to the car's front, what is behind it, how much that counts). A detector
    # that takes one side for the other also swaps front and back doors: their order counts less.
    ("front", "doors", 1.0),
    ("doors", "back", 1.0),
    ("front", "back", 0.6),
    ("front", "wheels", 0.5),
    ("wheels", "back", 0.5),
    ("front_door", "back_door", 0.4),
)

TURN_ERROR = 6.0
"""Standard deviation of the turn's estimate, degrees, on the training annotations."""

GUESSED_TURN_ERROR = 25.0
"""The same when only lights and mirrors are seen, which say little about the turn."""

END_ON, SIDE_ON = 14.0, 73.0
"""Where people stop calling a view plainly front, and start calling it plainly side, degrees;
placed by looking at contact sheets of the training photos sorted by turn."""

SHARPNESS = 6.0
"""Slope of the logistic function that turns a balance of votes in [-1, 1] into a probability."""


@dataclass(frozen=True)
class Direction:
    """Where the camera stands; probabilities in [0, 1], degrees for the turn and its error."""

    turn: float
    turn_error: float
    front: float
    left: float
    evidence: float
    """Mean score of the detections behind it, in [0, 1]."""

    def azimuth(self, viewpoint: Viewpoint) -> tuple[float, float]:
        """Degrees in [0, 360), counter-clockwise round the car seen from above, 0 at its front and
        90 at its left side, in the quarter of `viewpoint`; and one standard deviation.

        The deviation is that of the turn and, for each quarter that the car may be seen from
        instead, the way there.
        """
        quarters = {
            (front, left): (self.turn if front else 180 - self.turn) * (1 if left else -1) % 360
            for front in (True, False)
            for left in (True, False)
        }
        chance = {
            (front, left): (self.front if front else 1 - self.front)
            * (self.left if left else 1 - self.left)
            for front, left in quarters
        }
        fits = [
            q
            for q in quarters
            if not (viewpoint.startswith("front") and not q[0])
            and not (viewpoint.startswith("back") and q[0])
            and not (viewpoint.endswith("left") and not q[1])
            and not (viewpoint.endswith("right") and q[1])
        ]
        azimuth = quarters[max(fits, key=lambda q: chance[q])]
        spread = math.fsum(
            p * ((quarters[q] - azimuth + 180) % 360 - 180) ** 2 for q, p in chance.items()
        )
        return azimuth, math.sqrt(self.turn_error**2 + spread)

    def probabilities(self) -> dict[Viewpoint, float]:
        """Of each of the eight viewpoints; they sum to 1."""
        end_on = _normal_below(END_ON, self.turn, self.turn_error)
        side_on = 1.0 - _normal_below(SIDE_ON, self.turn, self.turn_error)
        between = max(0.0, 1.0 - end_on - side_on)
        front, left = self.front, self.left
        return {
            "front": front * end_on,
            "front-left": front * left * between,
            "left": left * side_on,
            "back-left": (1 - front) * left * between,
            "back": (1 - front) * end_on,
            "back-right": (1 - front) * (1 - left) * between,
            "right": (1 - left) * side_on,
            "front-right": front * (1 - left) * between,
        }


@dataclass(frozen=True)
class _Part:
    label: str
    width: float
    """of its box, pixels"""
    x: float
    """of its centre, pixels"""
    weight: float
    """score times the square root of its area: large parts count more, small ones still do"""
    score: float


def direction(parts: Detections) -> Direction | None:
    """Direction from which the car of `parts` is seen; None when only wheels, or nothing, is."""
    seen = [p for p in _strongest(parts) if p.weight > 0]
    telling = [p for p in seen if p.label != "wheel"]
    if not telling:
        return None
    turn, error = _turn(telling)
    weights = math.fsum(p.weight for p in telling)
    return Direction(
        turn=turn,
        turn_error=error,
        front=_probability((END_WEIGHT.get(p.label, 0.0), p.weight) for p in telling),
        left=_probability([*_named_sides(telling), *_facing(seen)]),
        evidence=math.fsum(p.weight * p.score for p in telling) / weights,
    )


def _strongest(parts: Detections) -> list[_Part]:
    """The best detection of every label; wheels all."""
    areas = parts.areas.astype(np.float64)
    boxes = parts.boxes.astype(np.float64)
    best: dict[object, _Part] = {}
    for k in range(len(parts)):
        label, score = str(parts.labels[k]), float(parts.scores[k])
        x0, _, x1, _ = boxes[k]
        part = _Part(label, float(x1 - x0), float(x0 + x1) / 2, score * math.sqrt(areas[k]), score)
        key = k if label == "wheel" else label
        if key not in best or (part.weight, part.width) > (best[key].weight, best[key].width):
            best[key] = part
    return list(best.values())


def _turn(parts: Iterable[_Part]) -> tuple[float, float]:
    """Turn and its error in degrees.

    A part W metres wide and L metres long that is seen under a turn t has a box of about
    s * (W cos t + L sin t) pixels. That is linear in s cos t and s sin t: least squares over all
    parts gives both, whichever parts are missing.
    """
    sized = [(p, *EXTENTS[p.label]) for p in parts if p.label in EXTENTS]
    across = math.fsum(p.score * t * w * w for p, w, _, t in sized)
    along = math.fsum(p.score * t * x * x for p, _, x, t in sized)
    mixed = math.fsum(p.score * t * w * x for p, w, x, t in sized)
    right_across = math.fsum(p.score * t * w * p.width for p, w, _, t in sized)
    right_along = math.fsum(p.score * t * x * p.width for p, _, x, t in sized)
    doors = any(w == 0 for _, w, _, _ in sized)
    ends = any(w > 0 for _, w, _, _ in sized)
    if not sized:
        # Both lights of an end are seen end-on; one alone is seen from its corner.
        sides = {side_of(p.label) for p in parts}
        return (0.0 if sides >= {"left", "right"} else 45.0), GUESSED_TURN_ERROR
    if not doors:
        return 0.0, TURN_ERROR
    if not ends:
        return 90.0, TURN_ERROR
    determinant = across * along - mixed * mixed
    cosine = (along * right_across - mixed * right_along) / determinant
    sine = (across * right_along - mixed * right_across) / determinant
    return math.degrees(math.atan2(max(sine, 0.0), max(cosine, 0.0))), TURN_ERROR


def _named_sides(parts: Iterable[_Part]) -> list[tuple[float, float]]:
    """Votes of labels with a side: doors in full, mirrors and lights, seen from afar, less."""
    share = {"door": 1.0, "mirror": 0.25, "light": 0.15}
    return [
        (
            share.get(p.label.rpartition("_")[2], 0.0) * (1 if side_of(p.label) == "left" else -1),
            p.weight,
        )
        for p in parts
        if side_of(p.label)
    ]


def _facing(parts: list[_Part]) -> list[tuple[float, float]]:
    """Votes of places: a car whose front points to the left edge shows its left side.

    Where labels of sides contradict each other, the order of the parts along the car does not.
    """
    groups = {
        "front": [p for p in parts if END_WEIGHT.get(p.label, 0) > 0],
        "back": [p for p in parts if END_WEIGHT.get(p.label, 0) < 0],
        "front_door": [p for p in parts if p.label.startswith("front_") and "_door" in p.label],
        "back_door": [p for p in parts if p.label.startswith("back_") and "_door" in p.label],
        "wheels": [p for p in parts if p.label == "wheel"],
    }
    groups["doors"] = groups["front_door"] + groups["back_door"]
    votes = []
    for ahead, behind, share in PLACE_VOTES:
        a, b = groups[ahead], groups[behind]
        if a and b:
            distance = _mean_x(b) - _mean_x(a)
            reach = max(p.width for p in (*a, *b))
            sure = max(-1.0, min(1.0, 2 * distance / reach)) if reach > 0 else 0.0
            strength = min(math.fsum(p.weight for p in a), math.fsum(p.weight for p in b))
            votes.append((share * sure, strength))
    return votes


def _mean_x(parts: list[_Part]) -> float:
    """Mean of the centres, weighted."""
    weight = math.fsum(p.weight for p in parts)
    return math.fsum(p.weight * p.x for p in parts) / weight


def _probability(votes: Iterable[tuple[float, float]]) -> float:
    """Probability of the positive side from (vote in [-1, 1], weight) pairs."""
    votes = list(votes)
    total = math.fsum(abs(vote) * weight for vote, weight in votes)
    if total <= 0:
        return 0.5
    balance = math.fsum(vote * weight for vote, weight in votes) / total
    return 1.0 / (1.0 + math.exp(-SHARPNESS * balance))


def _normal_below(limit: float, mean: float, deviation: float) -> float:
    return 0.5 * (1.0 + math.erf((limit - mean) / (deviation * math.sqrt(2.0))))
