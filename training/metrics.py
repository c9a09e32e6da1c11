"""What is asked of detections beside average precision: sides, viewpoints, angles, the main car."""

import numpy as np

from carpose.answer import Answer
from carpose.detections import Detections
from carpose.geometry import angle_between, matched, overlaps
from carpose.parts import mirrored
from carpose.pose import Pose
from training.photos import Photo, raster


def side_counts(truth: Detections, found: Detections) -> tuple[int, int]:
    """(on the right side, all) of found parts on a sided part or its mirror part (IoU >= 0.5)."""
    right = wrong = 0
    shares = overlaps(found.boxes, truth.boxes)
    for label, row in zip(map(str, found.labels), shares, strict=True):
        if mirrored(label) == label:
            continue
        near = [
            (share, str(name))
            for share, name in zip(row, truth.labels, strict=True)
            if name in (label, mirrored(label))
        ]
        overlap, name = max(near, default=(0.0, ""))
        if overlap >= 0.5:
            right += name == label
            wrong += name != label
    return right, right + wrong


def side_accuracy(truth: list[Detections], found: list[Detections]) -> float:
    """Share on the right side, of found parts on a sided part or its mirror part (IoU >= 0.5)."""
    counts = [side_counts(t, f) for t, f in zip(truth, found, strict=True)]
    return sum(c[0] for c in counts) / max(1, sum(c[1] for c in counts))


def found_share(truth: Detections, found: Detections) -> float:
    """F1 of the parts at box IoU 0.5, each annotation taken once."""
    shares = overlaps(found.boxes, truth.boxes)
    shares[found.labels[:, None] != truth.labels[None, :]] = 0
    total = len(truth) + len(found)
    return 2 * len(matched(shares, 0.5)) / total if total else 1.0


def car_iou(photo: Photo, answer: Answer | str) -> float:
    """IoU of the main car's mask with the annotated whole car; 0 where the photo was refused."""
    if isinstance(answer, str):
        return 0.0
    polygons = [polygon for i in photo.instances for polygon in i.polygons]
    truth = raster(polygons, photo.width, photo.height).astype(bool)
    mask = answer.car.mask.to_numpy()
    if mask.shape != truth.shape:
        return 0.0  # answered turned, where the photo stands upright
    union = np.count_nonzero(truth | mask)
    return float(np.count_nonzero(truth & mask) / union) if union else 1.0


def viewpoint_of(pose: Pose | str) -> str:
    """The viewpoint as the tables name it."""
    return pose if isinstance(pose, str) else str(pose.viewpoint)


def angle_error(expected: Pose, found: Pose | str) -> float:
    """Degrees between the two reference lines, 0 to 90: lines 180 degrees apart are one.

    NaN where the annotations have no angle; infinite where only the detections have none.
    """
    if expected.signed_angle is None:
        return float("nan")
    if isinstance(found, str) or found.signed_angle is None:
        return float("inf")
    return angle_between(expected.signed_angle, found.signed_angle)
