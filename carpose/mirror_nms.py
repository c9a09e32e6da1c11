"""A part is on one side of its car: of left and right in the same place the better one stays."""

import numpy as np

from carpose.detections import Detections
from carpose.geometry import distinct, overlaps
from carpose.parts import mirrored

SAME_PLACE = 0.5
"""IoU from which a left and a right part are the same piece of metal."""


def mirror_nms(found: Detections) -> Detections:
    """The detections, best first, without those whose better-scoring mirror part is in their place.

    Mask R-CNN suppresses overlapping boxes within a class only, and so may call one door both
    left and right.
    """
    labels = [str(label) for label in found.labels]
    mirror = np.array([[mirrored(a) == b != a for b in labels] for a in labels], np.bool_)
    same = overlaps(found.boxes, found.boxes) >= SAME_PLACE
    return found[distinct(range(len(found)), mirror.reshape(same.shape) & same)]
