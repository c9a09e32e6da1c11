"""What is asked of detections beside average precision: sides, viewpoints, angles, the main car."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from carpose.detections import Detections
from carpose.errors import CarposeError
from carpose.geometry import angle_between, box_iou
from carpose.main_car import cropped_car, main_car, parts_of
from carpose.parts import PARTS, mirrored
from carpose.pose import Pose, estimate_pose
from training.dataset import Photo, raster


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
        return Detections.none()
    return Detections(np.array(boxes), np.ones(len(boxes)), np.array(labels), np.stack(masks))


def side_counts(truth: Detections, found: Detections) -> tuple[int, int]:
    """(on the right side, all) of found parts on a sided part or its twin (IoU >= 0.5)."""
    right = wrong = 0
    for box, label in zip(found.boxes, found.labels, strict=True):
        if mirrored(str(label)) == label:
            continue
        pair = {str(label), mirrored(str(label))}
        near = [
            (box_iou(box, truth.boxes[k]), str(truth.labels[k]))
            for k in range(len(truth))
            if str(truth.labels[k]) in pair
        ]
        overlap, name = max(near, default=(0.0, ""))
        if overlap >= 0.5:
            right += name == label
            wrong += name != label
    return right, right + wrong


def side_accuracy(truth: list[Detections], found: list[Detections]) -> float:
    """Of found parts on a sided part or its twin (IoU >= 0.5): the share on the right side."""
    counts = [side_counts(t, f) for t, f in zip(truth, found, strict=True)]
    return sum(c[0] for c in counts) / max(1, sum(c[1] for c in counts))


def found_share(truth: Detections, found: Detections) -> float:
    """F1 of the parts at box IoU 0.5, each annotation taken once, best score first."""
    free = set(range(len(truth)))
    hits = 0
    for k in np.argsort(-found.scores, kind="stable"):
        near = [
            (box_iou(found.boxes[k], truth.boxes[j]), j)
            for j in free
            if truth.labels[j] == found.labels[k]
        ]
        overlap, j = max(near, default=(0.0, -1))
        if overlap >= 0.5:
            free.discard(j)
            hits += 1
    total = len(truth) + len(found)
    return 2 * hits / total if total else 1.0


def main_car_iou(
    photos: list[Photo], found: list[Detections], parts: list[Detections]
) -> list[float]:
    """(P,) IoU of the main car's served mask, its parts' pixels included, with the annotated whole
    car; 0 where none was found."""
    values = []
    for photo, cars, served in zip(photos, found, parts, strict=True):
        polygons = [polygon for i in photo.instances for polygon in i.polygons]
        truth = raster(polygons, photo.width, photo.height).astype(bool)
        try:
            index = main_car(cars)
            own = parts_of(cars, index, served, photo.width, photo.height)
            rows, columns, inside = cropped_car(cars, index, own, photo.width, photo.height)
            car = np.zeros_like(truth)
            car[rows, columns] = inside
        except CarposeError:
            values.append(0.0)
            continue
        union = np.count_nonzero(truth | car)
        values.append(float(np.count_nonzero(truth & car) / union) if union else 1.0)
    return values


def poses(
    photos: list[Photo], parts: list[Detections], cars: list[Detections] | None
) -> list[Pose | str]:
    """The pose of every photo, or the code of the error; with `cars`, of the main car's parts."""
    found: list[Pose | str] = []
    for k, photo in enumerate(photos):
        try:
            own = parts[k]
            if cars is not None:
                own = parts_of(cars[k], main_car(cars[k]), own, photo.width, photo.height)
            found.append(estimate_pose(own))
        except CarposeError as error:
            found.append(error.code)
    return found


def viewpoints(
    photos: list[Photo], parts: list[Detections], cars: list[Detections] | None
) -> list[tuple[str, str]]:
    """(annotated, detected) viewpoint of every photo; "None" or a code where there is no answer.

    With `cars`, only the parts of the main car count, as in the server.
    """
    return [
        (str(estimate_pose(annotated_parts(photo)).viewpoint), viewpoint_of(pose))
        for photo, pose in zip(photos, poses(photos, parts, cars), strict=True)
    ]


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
