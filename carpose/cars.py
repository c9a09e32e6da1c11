"""The cars of a photo, each with the parts that are its own."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from carpose.detections import Box, Detections
from carpose.errors import MultipleCars, NoCar
from carpose.geometry import distinct, overlaps
from carpose.masks import MaskWindow, Size

Cars = Literal["main", "single"]
"""Which cars are asked for: the largest, or exactly one."""

CAR_LABELS = ("car", "truck", "bus")
"""COCO's names of what counts as a car; our own segmenter says car."""

GRID_PX = 256
"""Longest side of the grid on which masks are compared: fine enough for a mirror or a light."""

SAME_CAR = 0.6
"""Two detections are the same car when the smaller one lies in the other by this share."""

PARTS_SHARE = 0.1
"""Least share of a car that its parts cover; of a real one they cover most."""


@dataclass(frozen=True)
class CarPolicy:
    """Which car is meant, and whether only what has parts is one."""

    cars: Cars = "main"
    need_parts: bool = True


@dataclass(frozen=True, eq=False)
class Car:
    """A car: `body` is one detection, `parts` are those of its parts that were found.

    Raises: ValueError when they are not one detection and detections of the same picture.
    """

    body: Detections
    parts: Detections

    def __post_init__(self) -> None:
        if len(self.body) != 1 or self.body.size != self.parts.size:
            raise ValueError("a car is one detection, and its parts are of the same picture")

    @property
    def score(self) -> float:
        """Of the body, in [0, 1]."""
        return float(self.body.scores[0])

    @property
    def box(self) -> Box:
        """(4,) around the body and its parts."""
        boxes = np.concatenate([self.body.boxes, self.parts.boxes])
        return np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])

    @cached_property
    def part_masks(self) -> tuple[MaskWindow, ...]:
        """Of every part, in the order of `parts`."""
        return tuple(self.parts.mask(k) for k in range(len(self.parts)))

    @cached_property
    def mask(self) -> MaskWindow:
        """The body's pixels and those of its parts, whose finer masks reach where the body's own
        cuts corners."""
        finer = self.part_masks if self.parts.roi_masks is not None else ()
        return MaskWindow.union([self.body.mask(0), *finer])

    def resized(self, size: Size) -> "Car":
        """The same in the picture scaled to `size`."""
        return Car(self.body.resized(size), self.parts.resized(size))


def choose_cars(found: Detections, parts: Detections, need_parts: bool = True) -> list[Car]:
    """The cars among what was found, largest mask first, each once.

    A part belongs to a car when it lies mostly (by at least a half) in the car's mask; where
    either has no mask its box takes the mask's place. With `need_parts` what is not made of
    wheels, doors and glass is no car.
    """
    bodies = found[np.isin(found.labels, CAR_LABELS)]
    owned = _owned(bodies, parts)
    cars = [Car(bodies[[k]], parts[owned[k]]) for k in _largest_first(bodies)]
    if need_parts:
        cars = [c for c in cars if c.parts.areas.sum() >= PARTS_SHARE * c.body.areas[0]]
    boxes = [car.body.boxes[0] for car in cars]
    same = overlaps(boxes, boxes, over="smaller") >= SAME_CAR
    return [cars[k] for k in distinct(range(len(cars)), same)]


def choose_car(found: Detections, parts: Detections, policy: CarPolicy) -> Car:
    """The car that a photo is about: the largest.

    Raises: NoCar when there is none; MultipleCars when there are several and one is required.
    """
    cars = choose_cars(found, parts, policy.need_parts)
    if not cars:
        raise NoCar("no car was found in the picture")
    if policy.cars == "single" and len(cars) > 1:
        raise MultipleCars(f"{len(cars)} cars were found where one is required")
    return cars[0]


def _largest_first(bodies: Detections) -> NDArray[np.intp]:
    # Equal areas are told apart by score and place, so that the order does not decide.
    return np.lexsort((*bodies.boxes.T, bodies.scores, bodies.areas))[::-1]


def _owned(bodies: Detections, parts: Detections) -> NDArray[np.bool_]:
    """(bodies, parts) whether the part lies mostly in the body, on a grid of GRID_PX."""
    scale = min(1.0, GRID_PX / max(parts.size))
    width, height = (max(1, round(side * scale)) for side in parts.size)
    small = parts.resized((width, height))
    cars = bodies.resized((width, height))
    masks = [small.mask(k) for k in range(len(parts))]
    owned = np.zeros((len(bodies), len(parts)), np.bool_)
    for row in range(len(bodies)):
        car = cars.mask(row)
        for k, part in enumerate(masks):
            if part.area:
                owned[row, k] = 2 * part.area_within(car) >= part.area
            else:
                # Too small for the grid: its centre decides.
                x, y = (int(v) for v in small.centres[k])
                owned[row, k] = car.inside_at(slice(y, y + 1), slice(x, x + 1))[0, 0]
    return owned
