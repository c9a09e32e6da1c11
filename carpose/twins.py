"""A part is on one side of its car: where both of its twins are found, the better one stays."""

import numpy as np

from carpose.detections import Detections
from carpose.parts import mirrored

SAME_PLACE = 0.5
"""IoU from which a left and a right part are the same piece of metal."""


def without_twins(found: Detections) -> Detections:
    """The detections, best first, without those whose better-scoring twin lies in their place.

    Mask R-CNN suppresses overlapping boxes within a class only, and so may call one door both
    left and right.
    """
    labels = [str(label) for label in found.labels]
    twins = np.array([[mirrored(a) == b != a for b in labels] for a in labels], np.bool_)
    boxes = found.boxes
    size = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    size = np.clip(size - np.maximum(boxes[:, None, :2], boxes[None, :, :2]), 0, None)
    inside = size[..., 0] * size[..., 1]
    area = np.diagonal(inside)
    ious = inside / np.maximum(area[:, None] + area[None, :] - inside, 1e-6)
    rivals = twins.reshape(ious.shape) & (ious >= SAME_PLACE)
    kept: list[int] = []
    for index in range(len(found)):
        if not rivals[index, kept].any():
            kept.append(index)
    return found[kept]
