"""The reference line through two wheels of one side of the car, and its angle."""

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from carpose.detections import Detections
from carpose.geometry import distinct, overlaps

Point = tuple[float, float]

SAME_WHEEL = 0.5
"""Two boxes are the same wheel when the smaller one lies in the other by this share."""

MIN_LENGTH = 1e-3
"""Shortest line that has a direction, as a share of the wheels' size."""


@dataclass(frozen=True)
class ReferenceLine:
    """From its left to its right end, in pixels; `signed_angle` in (-90, 90] degrees."""

    start: Point
    end: Point

    @property
    def signed_angle(self) -> float:
        """Degrees to the horizontal, positive when the line rises to the right."""
        # Image y grows downwards.
        angle = math.degrees(math.atan2(self.start[1] - self.end[1], self.end[0] - self.start[0]))
        return 90.0 if angle <= -90.0 else angle


def distinct_wheels(parts: Detections) -> Detections:
    """The wheels, largest first, each once: of boxes on the same wheel the largest stays."""
    wheels = parts[parts.labels == "wheel"]
    largest_first = np.lexsort((wheels.boxes[:, 1], wheels.scores, _box_areas(wheels)))[::-1]
    same = overlaps(wheels.boxes, wheels.boxes, over="smaller") >= SAME_WHEEL
    return wheels[distinct(largest_first, same)]


def reference_line(wheels: Detections) -> ReferenceLine | None:
    """The line through the front and rear wheel of the contact side, the one nearer to the camera.

    `wheels` are distinct, largest first. Two wheels have one line. Of three, two share an axle and
    make the shortest line, the contact side makes the second shortest: the rule of the original
    AWS sample. A fourth and further wheels are the smallest, those of the far side or of another
    car, and are left out. None when fewer than two wheels have different centres.
    """
    centres = [(float(x), float(y)) for x, y in wheels.centres[:3]]
    size = float(np.sqrt(np.max(_box_areas(wheels), initial=0.0)))
    lines = sorted(
        (math.dist(a, b), a, b)
        for a, b in itertools.combinations(centres, 2)
        if math.dist(a, b) > MIN_LENGTH * size
    )
    if not lines:
        return None
    _, a, b = lines[1] if len(lines) == 3 else lines[-1]
    # Of a vertical line the lower end comes first, so that it rises.
    start, end = sorted((a, b), key=lambda p: (p[0], -p[1]))
    return ReferenceLine(start, end)


def _box_areas(wheels: Detections) -> NDArray[np.float64]:
    size = wheels.boxes[:, 2:].astype(np.float64) - wheels.boxes[:, :2]
    return np.asarray(size[:, 0] * size[:, 1])
