"""Boxes and lines compared: the two formulas that more than one rule needs."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Corners = Sequence[float] | NDArray[np.float32]
"""x0, y0, x1, y1 in pixels."""


def box_iou(a: Corners, b: Corners) -> float:
    """Intersection over union of two boxes, 0 to 1; 0 for boxes without extent."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    inside = max(0.0, float(width)) * max(0.0, float(height))
    union = sum(float((box[2] - box[0]) * (box[3] - box[1])) for box in (a, b)) - inside
    return inside / union if union > 0 else 0.0


def angle_between(a: float, b: float) -> float:
    """Degrees between two lines with angles `a` and `b`, 0 to 90: 180 degrees apart is the same."""
    difference = abs(a - b) % 180
    return min(difference, 180 - difference)
