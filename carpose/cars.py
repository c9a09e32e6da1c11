"""The cars of a photo, each with the parts that are its own."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from carpose.certainty import car_score
from carpose.detections import Box, Detections
from carpose.errors import MultipleCars, NoCar
from carpose.geometry import distinct, overlaps
from carpose.masks import MaskWindow, Size
from carpose.parts import CAR_CLASSES

Cars = Literal["main", "single", "all"]
"""Which cars are asked for: the largest, exactly one, or every one beside the largest."""

CAR_LABELS = (*CAR_CLASSES, "truck", "bus")
"""COCO's names of what counts as a car, and our own segmenter's, which knows turned ones too."""

GRID_PX = 256
"""Longest side of the grid on which masks are compared: fine enough for a mirror or a light."""

SAME_CAR = 0.6
"""Two detections are the same car when the smaller one lies in the other by this share."""

SAME_BOX = 0.6
"""IoU from which two boxes are one car, whatever their labels."""

LEAST_SCORE = 0.5
"""Of what is answered as a car."""


@dataclass(frozen=True)
class CarPolicy:
    """Which car is meant, and whether only what has parts is one."""

    cars: Cars = "main"
    need_parts: bool = True


@dataclass(frozen=True, eq=False)
class Car:
    """A car: `body` is one detection, `parts` are those of its parts that were found; `judged`
    where the engine finds every part, so that they speak for the car, or against it.

    Raises: ValueError when they are not one detection and detections of the same picture.
    """

    body: Detections
    parts: Detections
    judged: bool = False

    def __post_init__(self) -> None:
        if len(self.body) != 1 or self.body.size != self.parts.size:
            raise ValueError("a car is one detection, and its parts are of the same picture")

    @property
    def score(self) -> float:
        """Probability that it is a car, in [0, 1]: by its parts, or as the engine says."""
        body = float(self.body.scores[0])
        return car_score(body, float(self.body.areas[0]), self.parts) if self.judged else body

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
        return replace(self, body=self.body.resized(size), parts=self.parts.resized(size))


def choose_cars(found: Detections, parts: Detections, need_parts: bool = True) -> list[Car]:
    """The cars among what was found, largest mask first, each once.

    A part belongs to a car when it lies mostly (by at least a half) in the car's mask; where
    either has no mask its box takes the mask's place. With `need_parts` what is not made of
    wheels, doors and glass is no car: it must have a score of LEAST_SCORE by them, and one part
    that is no wheel is not enough.
    """
    bodies = _each_once(found[np.isin(found.labels, CAR_LABELS)])
    owned = _owned(bodies, parts)
    cars = [Car(bodies[[k]], parts[owned[k]], need_parts) for k in _largest_first(bodies)]
    if need_parts:
        cars = [car for car in cars if car.score >= LEAST_SCORE and _enough(car.parts)]
    boxes = [car.body.boxes[0] for car in cars]
    same = overlaps(boxes, boxes, over="smaller") >= SAME_CAR
    return [cars[k] for k in distinct(range(len(cars)), same)]


def _enough(parts: Detections) -> bool:
    return len(parts) >= 2 or "wheel" in parts.labels


def chosen(cars: Sequence[Car], policy: CarPolicy) -> Car:
    """Of the cars of a photo the one that it is about: the largest, which comes first.

    Raises: NoCar when there is none; MultipleCars when there are several and one is required.
    """
    if not cars:
        raise NoCar("no car was found in the picture")
    if policy.cars == "single" and len(cars) > 1:
        raise MultipleCars(f"{len(cars)} cars were found where one is required")
    return cars[0]


def choose_car(found: Detections, parts: Detections, policy: CarPolicy) -> Car:
    """The car that a photo is about. Raises: as `chosen`."""
    return chosen(choose_cars(found, parts, policy.need_parts), policy)


def _each_once(bodies: Detections) -> Detections:
    """Of detections of the same car, as standing and as lying, say, the one that scores best."""
    same = overlaps(bodies.boxes, bodies.boxes) >= SAME_BOX
    return bodies[distinct(np.argsort(-bodies.scores, kind="stable"), same)]


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
