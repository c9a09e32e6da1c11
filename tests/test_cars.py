"""Which cars a photo shows, and which parts are their own."""

import numpy as np
import pytest

from carpose.cars import Car, CarPolicy, choose_car, choose_cars
from carpose.detections import Detections
from carpose.errors import MultipleCars, NoCar

SIZE = (640, 480)
SMALL, LARGE, INSIDE = [0, 0, 100, 60], [120, 100, 420, 300], [130, 110, 300, 280]
FULL, LEFT_THIRD = np.full((28, 28), 255, np.uint8), np.zeros((28, 28), np.uint8)
LEFT_THIRD[:, :10] = 255
ANY = CarPolicy(need_parts=False)


def found(
    *boxes: list[int], labels: list[str] | str = "car", masks: list[np.ndarray] | None = None
) -> Detections:
    n = len(boxes)
    return Detections(
        np.array(boxes).reshape(-1, 4),
        np.ones(n),
        np.array(labels if isinstance(labels, list) else [labels] * n, np.str_),
        None if masks is None else np.stack(masks),
        size=SIZE,
    )


NOTHING = found()


def boxes(cars: list[Car]) -> list[list[float]]:
    return [car.body.boxes[0].tolist() for car in cars]


@pytest.mark.parametrize("order", [(SMALL, LARGE), (LARGE, SMALL)])
def test_the_largest_car_comes_first(order: tuple[list[int], list[int]]) -> None:
    assert boxes(choose_cars(found(*order), NOTHING, need_parts=False)) == [LARGE, SMALL]
    assert choose_car(found(*order), NOTHING, ANY).body.boxes.tolist() == [LARGE]


def test_a_large_box_with_a_small_mask_is_not_the_largest_car() -> None:
    sliver = FULL.copy()
    sliver[2:] = 0
    both = found(SMALL, LARGE, masks=[FULL, sliver])
    assert choose_car(both, NOTHING, ANY).body.boxes.tolist() == [SMALL]


def test_trucks_and_buses_are_cars_and_people_are_not() -> None:
    seen = found(SMALL, INSIDE, [450, 0, 640, 400], labels=["bus", "truck", "person"])
    assert boxes(choose_cars(seen, NOTHING, need_parts=False)) == [INSIDE, SMALL]


@pytest.mark.parametrize("cars", ["main", "single"])
def test_no_car_is_said(cars: str) -> None:
    with pytest.raises(NoCar):
        choose_car(NOTHING, NOTHING, CarPolicy(cars))  # type: ignore[arg-type]


def test_where_one_car_is_required_two_are_refused_but_a_duplicate_is_not() -> None:
    single = CarPolicy("single", need_parts=False)
    with pytest.raises(MultipleCars, match="2 cars"):
        choose_car(found(LARGE, SMALL, INSIDE), NOTHING, single)
    assert choose_car(found(LARGE, INSIDE), NOTHING, single).body.boxes.tolist() == [LARGE]


def test_every_car_has_its_own_parts() -> None:
    wheels = found(
        [10, 30, 40, 58], [150, 250, 200, 299], [400, 250, 440, 299], [430, 250, 470, 299],
        labels="wheel",
    )  # fmt: skip
    large, small = choose_cars(found(SMALL, LARGE), wheels, need_parts=False)
    assert large.parts.boxes.tolist() == wheels.boxes[1:3].tolist()
    assert small.parts.boxes.tolist() == wheels.boxes[:1].tolist()


def test_what_holds_no_part_is_no_car() -> None:
    wheel = found([10, 30, 40, 58], labels="wheel")
    assert boxes(choose_cars(found(SMALL, LARGE), wheel)) == [SMALL]
    assert choose_cars(found(SMALL, LARGE), NOTHING) == []


def test_a_part_is_judged_by_its_mask_not_its_box() -> None:
    part = found([400, 200, 460, 260], labels="wheel", masks=[LEFT_THIRD])
    assert len(choose_car(found(LARGE), part, ANY).parts) == 1


@pytest.mark.parametrize(("place", "own"), [([200, 200, 201, 201], 1), ([600, 400, 601, 401], 0)])
def test_a_part_too_small_for_the_grid_is_judged_by_its_centre(place: list[int], own: int) -> None:
    empty = np.zeros((28, 28), np.uint8)
    part = found(place, labels="wheel", masks=[empty])
    assert len(choose_car(found(LARGE), part, ANY).parts) == own


def test_the_pixels_of_a_car_are_its_own_and_its_parts() -> None:
    mirror = found([410, 150, 450, 170], labels="left_mirror", masks=[FULL])
    car = Car(found(LARGE, masks=[FULL]), mirror)
    mask = car.mask
    assert (mask.rows, mask.columns) == (slice(100, 300), slice(120, 450))
    assert mask.inside[60, 315], "the mirror sticks out"
    assert not mask.inside[10, 310]
    assert mask.inside[20:180, 10:290].all()
    assert car.box.tolist() == [120, 100, 450, 300]


def test_parts_without_masks_leave_a_cars_pixels_alone() -> None:
    car = Car(found(LARGE), found([100, 250, 200, 320], labels="wheel"))
    assert (car.mask.rows, car.mask.columns) == (slice(100, 300), slice(120, 420))
    assert car.mask.inside.all()


def test_a_car_outside_of_its_picture_has_no_pixels() -> None:
    assert Car(found([700, 500, 800, 600]), NOTHING).mask.inside.size == 0


def test_a_car_is_one_detection_of_the_picture_of_its_parts() -> None:
    with pytest.raises(ValueError, match="one detection"):
        Car(found(SMALL, LARGE), NOTHING)
    with pytest.raises(ValueError, match="same picture"):
        Car(found(SMALL), Detections.none((10, 10)))
