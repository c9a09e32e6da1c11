"""Which car is the main one, and which parts are its own."""

import numpy as np
import pytest

from carpose.compliance import check
from carpose.detections import Detections
from carpose.errors import MultipleCars, NoCar
from carpose.main_car import (
    car_box,
    cars_only,
    cropped_car,
    main_car,
    parts_of,
    single_car,
    with_parts,
)

SMALL, LARGE, INSIDE = [0, 0, 100, 60], [120, 100, 420, 300], [130, 110, 300, 280]


def cars(*boxes: list[int], labels: list[str] | None = None) -> Detections:
    n = len(boxes)
    return Detections(
        np.array(boxes).reshape(-1, 4), np.ones(n), np.array(labels or ["car"] * n, np.str_)
    )


@pytest.mark.parametrize("boxes", [(SMALL, LARGE), (LARGE, SMALL)])
def test_the_largest_car_is_the_main_one(boxes: tuple[list[int], list[int]]) -> None:
    assert boxes[main_car(cars(*boxes))] == LARGE


def test_a_large_box_with_a_small_mask_is_not_the_largest_car() -> None:
    masks = np.full((2, 28, 28), 255, np.uint8)
    masks[1, 2:] = 0
    both = Detections(np.array([SMALL, LARGE]), np.ones(2), np.array(["car", "car"]), masks)
    assert main_car(both) == 0


def test_trucks_and_buses_are_cars_and_people_are_not() -> None:
    found = cars(SMALL, SMALL, LARGE, labels=["bus", "truck", "person"])
    assert list(cars_only(found).labels) == ["bus", "truck"]


def test_no_car_is_said() -> None:
    for rule in (main_car, single_car):
        with pytest.raises(NoCar):
            rule(cars())


def test_where_one_car_is_required_two_are_refused_but_a_duplicate_is_not() -> None:
    with pytest.raises(MultipleCars, match="2 cars"):
        single_car(cars(LARGE, SMALL))
    assert single_car(cars(LARGE, INSIDE)) == 0


def test_parts_of_another_car_do_not_count() -> None:
    boxes = [[10, 30, 40, 58], [150, 250, 200, 299], [400, 250, 440, 299], [430, 250, 470, 299]]
    wheels = Detections(np.array(boxes), np.ones(4), np.array(["wheel"] * 4))
    own = parts_of(cars(SMALL, LARGE), 1, wheels, 640, 480)
    assert own.boxes.tolist() == boxes[1:3]


def test_what_holds_no_part_is_no_car() -> None:
    wheel = Detections(np.array([[10, 30, 40, 58]]), np.ones(1), np.array(["wheel"]))
    assert with_parts(cars(SMALL, LARGE), wheel, 640, 480).boxes.tolist() == [SMALL]
    assert len(with_parts(cars(SMALL, LARGE), Detections.none(), 640, 480)) == 0


def test_a_part_is_judged_by_its_mask_not_its_box() -> None:
    masks = np.zeros((1, 28, 28), np.uint8)
    masks[0, :, :10] = 255
    part = Detections(np.array([[400, 200, 460, 260]]), np.ones(1), np.array(["wheel"]), masks)
    assert len(parts_of(cars(LARGE), 0, part, 640, 480)) == 1


@pytest.mark.parametrize(
    ("viewpoint", "expected", "answer"),
    [
        ("front", ("front", "back"), (True, [])),
        ("front-left", ("front",), (False, ["viewpoint is front-left, expected front"])),
        ("left", ("front", "back"), (False, ["viewpoint is left, expected front or back"])),
        (None, ("front",), (False, ["the viewpoint could not be told, expected front"])),
    ],
)
def test_compliance_says_what_is_wrong(viewpoint: object, expected: object, answer: object) -> None:
    assert check(viewpoint, expected) == answer  # type: ignore[arg-type]


def test_the_pixels_of_a_car_are_its_own_and_its_parts() -> None:
    car = Detections(
        np.array([LARGE]), np.ones(1), np.array(["car"]), np.full((1, 28, 28), 255, np.uint8)
    )
    mirror = Detections(
        np.array([[410, 150, 450, 170]]),
        np.ones(1),
        np.array(["left_mirror"]),
        np.full((1, 28, 28), 255, np.uint8),
    )
    rows, columns, inside = cropped_car(car, 0, mirror, 640, 480)
    assert (rows, columns) == (slice(100, 300), slice(120, 450))
    assert inside[60, 315], "the mirror sticks out"
    assert not inside[10, 310]
    assert inside[20:180, 10:290].all()
    assert car_box(car, 0, mirror).tolist() == [120, 100, 450, 300]


def test_parts_without_masks_leave_a_cars_pixels_alone() -> None:
    wheel = Detections(np.array([[100, 250, 200, 320]]), np.ones(1), np.array(["wheel"]))
    rows, columns, inside = cropped_car(cars(LARGE), 0, wheel, 640, 480)
    assert (rows, columns) == (slice(100, 300), slice(120, 420))
    assert inside.all()
    assert cropped_car(cars(LARGE), 0, Detections.none(), 50, 50)[2].size == 0
