"""Which car a photo is about, and which parts are its own."""

import numpy as np
from numpy.typing import NDArray

from carpose.detections import Detections, Window
from carpose.errors import MultipleCars, NoCar

CAR_LABELS = ("car", "truck", "bus")
"""COCO's names of what counts as a car; our own segmenter says car."""

GRID_PX = 256
"""Longest side of the grid on which masks are compared: fine enough for a mirror or a light."""

SAME_CAR = 0.6
"""Two detections are the same car when the smaller one lies in the other by this share."""


PARTS_SHARE = 0.1
"""Least share of a car that its parts cover; of a real one they cover most."""


def cars_only(detections: Detections) -> Detections:
    """The detections of cars, trucks and buses."""
    return detections[np.isin(detections.labels, CAR_LABELS)]


def main_car(cars: Detections) -> int:
    """Index of the main car: the one with the largest mask.

    Raises: NoCar when there is none.
    """
    if not len(cars):
        raise NoCar("no car was found in the picture")
    # Equal areas are told apart by score and place, so that the order does not decide.
    keys = (*cars.boxes.T, cars.scores, cars.areas)
    return int(np.lexsort(keys)[-1])


def single_car(cars: Detections) -> int:
    """Index of the only car; a second detection of the same car is no second car.

    Raises: NoCar when there is none; MultipleCars when there are several.
    """
    index = main_car(cars)
    others = sum(not _same_car(cars.boxes[index], box) for box in np.delete(cars.boxes, index, 0))
    if others:
        raise MultipleCars(f"{others + 1} cars were found where one is required")
    return index


def _same_car(a: NDArray[np.float32], b: NDArray[np.float32]) -> bool:
    size = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    if (size <= 0).any():
        return False
    smaller = min(np.prod(a[2:] - a[:2]), np.prod(b[2:] - b[:2]))
    return bool(np.prod(size) >= SAME_CAR * smaller)


def with_parts(cars: Detections, parts: Detections, width: int, height: int) -> Detections:
    """The cars that parts confirm: what is not made of wheels, doors and glass is no car."""
    shares = [
        parts_of(cars, k, parts, width, height).areas.sum() >= PARTS_SHARE * cars.areas[k]
        for k in range(len(cars))
    ]
    return cars[np.array(shares, np.bool_)]


def parts_of(
    cars: Detections, index: int, parts: Detections, width: int, height: int
) -> Detections:
    """The parts that lie mostly (by at least a half) in the mask of car `index`.

    Where car or part has no mask its box takes the mask's place. `width` and `height` are the
    picture's, in pixels.
    """
    scale = min(1.0, GRID_PX / max(width, height))
    columns, rows = max(1, round(width * scale)), max(1, round(height * scale))
    car = np.zeros((rows, columns), np.bool_)
    where = cars.cropped_mask(index, columns, rows, scale)
    car[where[0], where[1]] = where[2]
    own = np.zeros(len(parts), np.bool_)
    for k in range(len(parts)):
        y, x, part = parts.cropped_mask(k, columns, rows, scale)
        pixels = np.count_nonzero(part)
        if pixels:
            own[k] = 2 * np.count_nonzero(car[y, x] & part) >= pixels
        else:
            # Too small for the grid: its centre decides.
            cx, cy = (parts.centres[k] * scale).astype(int)
            own[k] = 0 <= cy < rows and 0 <= cx < columns and bool(car[cy, cx])
    return parts[own]


def cropped_car(cars: Detections, index: int, own: Detections, width: int, height: int) -> Window:
    """Rows, columns and mask of car `index` in a picture of width x height: its pixels and those
    of its parts, whose finer masks reach where the car's own cuts corners."""
    windows = [cars.cropped_mask(index, width, height)]
    if own.roi_masks is not None:
        windows += [own.cropped_mask(k, width, height) for k in range(len(own))]
    windows = [window for window in windows if window[2].size]
    if not windows:
        return slice(0, 0), slice(0, 0), np.zeros((0, 0), np.bool_)
    top = min(rows.start for rows, _, _ in windows)
    left = min(columns.start for _, columns, _ in windows)
    bottom = max(rows.stop for rows, _, _ in windows)
    right = max(columns.stop for _, columns, _ in windows)
    whole = np.zeros((bottom - top, right - left), np.bool_)
    for rows, columns, inside in windows:
        whole[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left] |= (
            inside
        )
    return slice(top, bottom), slice(left, right), whole


def car_box(cars: Detections, index: int, own: Detections) -> NDArray[np.float32]:
    """(4,) box around car `index` and its parts."""
    boxes = np.concatenate([cars.boxes[[index]], own.boxes])
    box: NDArray[np.float32] = np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])
    return box
