"""What is asked of detections beside average precision: sides, viewpoints, angles, the main car."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from carpose.cars import Car, choose_car
from carpose.detections import Detections
from carpose.engines import DETECTRON2
from carpose.errors import CarposeError
from carpose.geometry import angle_between, matched, overlaps
from carpose.parts import PARTS, mirrored
from carpose.pose import Pose, estimate_pose
from training.photos import Photo, raster


def annotated_parts(photo: Photo, cells: int = 56, classes: Sequence[str] = PARTS) -> Detections:
    """A photo's annotations as perfect detections with masks of cells x cells."""
    boxes, masks, labels = [], [], []
    for instance in photo.instances:
        points = np.concatenate(instance.polygons)
        x0, y0 = np.clip(points.min(0), 0, None)
        x1, y1 = np.minimum(points.max(0) + 1, [photo.width, photo.height])
        if x0 >= x1 or y0 >= y1:
            continue
        full = raster(instance.polygons, photo.width, photo.height) * np.uint8(255)
        size = (cells, cells)
        cropped = Image.fromarray(full).resize(size, Image.Resampling.BOX, (x0, y0, x1, y1))
        boxes.append([x0, y0, x1, y1])
        masks.append(np.asarray(cropped))
        labels.append(classes[instance.label])
    if not boxes:
        return Detections.none((photo.width, photo.height))
    return Detections(
        np.array(boxes, np.float32),
        np.ones(len(boxes), np.float32),
        np.array(labels),
        np.stack(masks),
        size=(photo.width, photo.height),
    )


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


def main_car(found: Detections, parts: Detections) -> Car | str:
    """The car that a photo is about, as the server chooses it, or the code of the refusal."""
    try:
        return choose_car(found, parts, DETECTRON2.policy(None))
    except CarposeError as error:
        return error.code


def main_car_iou(photos: list[Photo], cars: list[Car | str]) -> list[float]:
    """(P,) IoU of the main car's mask with the annotated whole car; 0 where none was found."""
    values = []
    for photo, car in zip(photos, cars, strict=True):
        polygons = [polygon for i in photo.instances for polygon in i.polygons]
        truth = raster(polygons, photo.width, photo.height).astype(bool)
        if isinstance(car, str):
            values.append(0.0)
            continue
        mask = car.mask.to_numpy()
        union = np.count_nonzero(truth | mask)
        values.append(float(np.count_nonzero(truth & mask) / union) if union else 1.0)
    return values


def poses(parts: list[Detections], cars: list[Car | str] | None) -> list[Pose | str]:
    """The pose of every photo, or the code of the refusal; with `cars`, of the main car's parts."""
    if cars is None:
        return [estimate_pose(one) for one in parts]
    return [car if isinstance(car, str) else estimate_pose(car.parts) for car in cars]


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
