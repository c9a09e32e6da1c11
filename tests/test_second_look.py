"""Looking again: at the crop of a small car, at the upright copy of a turned one."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from carpose.detections import Detections
from carpose.engines import DETECTRON2, REKOGNITION, Engine, Found
from carpose.images import Look
from carpose.order import at_once, in_order
from carpose.request import PoseRequest
from carpose.second_look import merged

SIZE = (1200, 900)


def detections(*found: tuple[str, float, float, float, float, float], size=SIZE) -> Detections:
    """(label, score, x0, y0, x1, y1) each."""
    return Detections(
        np.array([f[2:] for f in found], np.float32).reshape(-1, 4),
        np.array([f[1] for f in found], np.float32),
        np.array([f[0] for f in found], np.str_),
        size=size,
    )


def parts_of(x0: float, y0: float, x1: float, y1: float, size=SIZE) -> Detections:
    """The doors and wheels of a car in this box."""
    at = lambda x, y: (x0 + x * (x1 - x0), y0 + y * (y1 - y0))  # noqa: E731
    return detections(
        ("front_left_door", 0.95, *at(0.3, 0.1), *at(0.5, 0.8)),
        ("back_left_door", 0.95, *at(0.5, 0.1), *at(0.7, 0.8)),
        ("wheel", 0.95, *at(0.1, 0.6), *at(0.25, 1)),
        ("wheel", 0.95, *at(0.75, 0.6), *at(0.9, 1)),
        size=size,
    )


def found(cars: Detections, parts: Detections) -> Found:
    return Found(cars, parts, {})


@dataclass
class Recorded:
    """Steps that see what a test says, look after look."""

    sights: list[Found]
    looks: list[Look] = field(default_factory=list)

    async def decode(self, look: Look) -> Look:
        self.looks.append(look)
        return look

    async def detect(self, seen: Look) -> Found:
        return self.sights[len(self.looks) - 1]

    async def tell(self, seen: Look, found: Found) -> tuple[Look, Found]:
        return seen, found


def look_at(
    *sights: Found, engine: Engine = DETECTRON2, cars: str | None = None
) -> tuple[list[Look], Found, dict[str, float]]:
    steps = Recorded(list(sights))
    (_, result), ms = at_once(in_order(steps, engine, PoseRequest.of(cars=cars)))
    return steps.looks, result, ms


LARGE = (100, 100, 1100, 800)
SMALL = (400, 400, 600, 520)


def test_a_large_car_is_looked_at_once() -> None:
    sight = found(detections(("car", 0.99, *LARGE)), parts_of(*LARGE))
    looks, result, ms = look_at(sight)
    assert [look.window for look in looks] == [None]
    assert result.closer == 0
    assert set(ms) == {"decode", "detect", "pose"}


def test_a_small_car_is_looked_at_again_with_room_around_it() -> None:
    first = found(detections(("car", 0.9, *SMALL)), parts_of(*SMALL))
    inside = (24, 24, 224, 144)
    size = (248, 168)
    closer = found(
        detections(("car", 0.99, *inside), size=size),
        parts_of(*inside, size=size),
    )
    looks, result, ms = look_at(first, closer)
    assert looks[1].window == (376, 376, 624, 544)
    assert looks[1].longest_px == DETECTRON2.longest_px
    assert result.closer == 1
    assert "closer" in ms
    np.testing.assert_allclose(result.cars.boxes, [SMALL])
    assert result.cars.scores[0] == pytest.approx(0.99)
    assert result.parts.size == SIZE
    assert len(result.parts) == 4, "the first look's parts are replaced, not doubled"


def test_what_the_whole_picture_gives_no_parts_for_is_looked_at_again() -> None:
    box = (200, 200, 900, 700)
    window = (116, 116, 984, 784)
    first = found(detections(("car", 0.4, *box)), detections())
    size = (window[2] - window[0], window[3] - window[1])
    nothing = found(detections(size=size), detections(size=size))
    looks, result, _ = look_at(first, nothing)
    assert looks[1].window == window
    assert len(result.parts) == 0


def test_a_closer_look_that_sees_no_car_changes_nothing() -> None:
    first = found(detections(("car", 0.9, *SMALL)), parts_of(*SMALL))
    size = (248, 168)
    _, result, _ = look_at(first, found(detections(size=size), detections(size=size)))
    np.testing.assert_allclose(result.cars.boxes, first.cars.boxes)
    assert len(result.parts) == 4


@pytest.mark.parametrize("turned", [90, 180, 270])
def test_a_turned_photo_is_looked_at_upright_and_answered_so(turned: int) -> None:
    lying = found(detections((f"car-turned-{turned}", 0.95, *LARGE)), detections())
    looks, result, ms = look_at(lying, upright(turned))
    assert [look.turn for look in looks] == [0, turned]
    assert result.turned == turned
    assert result.cars.size == (SIZE if turned == 180 else SIZE[::-1])
    assert "upright" in ms


def upright(turned: int) -> Found:
    size = SIZE if turned == 180 else SIZE[::-1]
    box = (50, 100, 850, 800)
    return found(detections(("car", 0.99, *box), size=size), parts_of(*box, size=size))


def test_the_copy_with_most_evidence_wins_where_the_segmenter_is_torn() -> None:
    torn = detections(
        ("car-turned-90", 0.5, *LARGE), ("car-turned-270", 0.4, *LARGE), ("car", 0.1, *LARGE)
    )
    wrong = found(
        detections(("car-turned-180", 0.8, *LARGE), size=SIZE[::-1]), detections(size=SIZE[::-1])
    )
    looks, result, _ = look_at(found(torn, detections()), wrong, upright(270), wrong)
    assert [look.turn for look in looks[:3]] == [0, 90, 270]
    assert result.turned == 270


def test_a_car_that_stands_is_not_turned_because_the_segmenter_doubts() -> None:
    doubt = detections(("car", 0.6, *LARGE), ("car-turned-180", 0.3, *LARGE))
    lying = found(detections(("car-turned-180", 0.7, *LARGE)), detections())
    looks, result, _ = look_at(found(doubt, parts_of(*LARGE)), lying)
    assert len(looks) == 2
    assert result.turned == 0


def test_every_small_car_is_looked_at_when_all_are_asked_for() -> None:
    other = (800, 100, 1000, 220)
    first = found(
        detections(("car", 0.9, *SMALL), ("car", 0.8, *other)),
        parts_of(*SMALL).joined(parts_of(*other)),
    )
    size = (248, 168)
    blind = found(detections(size=size), detections(size=size))
    assert len(look_at(first, blind, blind, cars="all")[0]) == 3
    assert len(look_at(first, blind)[0]) == 2


def test_an_engine_that_is_paid_by_the_look_looks_once() -> None:
    sight = found(detections(("car", 0.9, *SMALL)), detections())
    assert len(look_at(sight, engine=REKOGNITION)[0]) == 1


def test_cars_outside_of_the_window_stay() -> None:
    other = (900, 100, 1100, 250)
    window = (376, 376, 624, 544)
    first = found(
        detections(("car", 0.9, *SMALL), ("car", 0.8, *other)),
        parts_of(*SMALL).joined(parts_of(*other)),
    )
    size = (248, 168)
    closer = found(
        detections(("car", 0.99, 24, 24, 224, 144), size=size),
        parts_of(24, 24, 224, 144, size=size),
    )
    result = merged(first, closer, window)
    assert len(result.cars) == 2
    assert len(result.parts) == 8
