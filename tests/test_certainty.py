"""Scores that are probabilities: what speaks for a car, and for a viewpoint."""

import numpy as np
import pytest

from carpose.cars import choose_cars
from carpose.certainty import car_score, viewpoint_score
from carpose.detections import Detections

SIZE = (400, 300)
BODY = Detections(np.array([[50, 50, 350, 250]]), np.array([0.95]), np.array(["car"]), size=SIZE)


def parts(*labels: str, score: float = 0.9) -> Detections:
    boxes = np.array([[60 + 40 * k, 100, 100 + 40 * k, 200] for k in range(len(labels))])
    return Detections(
        boxes.reshape(-1, 4), np.full(len(labels), score), np.array(labels, np.str_), size=SIZE
    )


CAR = parts("front_left_door", "back_left_door", "wheel", "front_bumper", "hood")


def test_a_thing_with_the_parts_of_a_car_is_likelier_one() -> None:
    area = float(BODY.areas[0])
    assert car_score(0.9, area, CAR) > car_score(0.9, area, parts("wheel"))
    assert car_score(0.9, area, CAR) > car_score(0.3, area, CAR)


@pytest.mark.parametrize(
    ("found", "is_car"),
    [
        pytest.param(CAR, True, id="five parts"),
        pytest.param(parts(), False, id="no part"),
        pytest.param(parts("front_bumper", score=1.0), False, id="one part and no wheel"),
        pytest.param(parts("front_bumper", score=0.05), False, id="one faint part"),
    ],
)
def test_what_is_not_made_of_parts_is_no_car(found: Detections, is_car: bool) -> None:
    assert bool(choose_cars(BODY, found)) is is_car


def test_the_order_of_parts_does_not_matter() -> None:
    area = float(BODY.areas[0])
    assert car_score(0.9, area, CAR) == car_score(0.9, area, CAR[[4, 2, 0, 1, 3]])


def test_a_clear_viewpoint_scores_more_than_a_close_call() -> None:
    clear = {"front": 0.96, "front-left": 0.03, "left": 0.01}
    close = {"front": 0.5, "front-left": 0.48, "left": 0.02}
    assert 0 <= viewpoint_score(close, 0.9) < viewpoint_score(clear, 0.9) <= 1
    assert viewpoint_score(clear, 0.5) < viewpoint_score(clear, 0.95)


def test_a_clear_viewpoint_of_parts_that_are_hardly_parts_is_unsure() -> None:
    clear = {"front": 0.98, "front-left": 0.01, "left": 0.01}
    assert viewpoint_score(clear, 0.97) > 0.95
    assert viewpoint_score(clear, 0.6) < 0.6
