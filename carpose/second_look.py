"""Where one look is not enough: photos that lie on their side, and cars that are small in them."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from carpose.cars import choose_cars
from carpose.certainty import sum_of_best
from carpose.detections import Detections
from carpose.engines import Engine, Found
from carpose.geometry import overlaps
from carpose.parts import CAR_CLASSES, turned_by

MARGIN: Final = 0.12
"""Room around a car that is looked at again, as a share of its longest side: a detector wants to
see where a car ends."""

ZOOM: Final = 1.6
"""How much larger the car must get for another look to be worth its time."""

ZOOM_WITHOUT_PARTS: Final = 1.1
"""The same where the first look found no parts that confirm the car."""

MOST: Final = 8
"""Cars of one photo that are looked at again, the largest first."""

SAME_CAR: Final = 0.5
"""IoU of two detections of a car, one from each look."""

PLAIN: Final = 0.85
"""Share of the segmenter's scores from which a car stands upright without a doubt."""

POSSIBLE: Final = 0.1
"""Share from which a quarter turn is worth a look."""

Window = tuple[int, int, int, int]
"""x0, y0, x1, y1 in pixels of the upright picture."""


def other_turns(found: Found) -> list[int]:
    """Degrees, clockwise, by which the picture may have to be turned for its main car to stand
    upright, the likeliest first; none where it plainly does."""
    main = _main(found)
    if main is None:
        return []
    shares = _shares(found.cars, main)
    if shares[0] >= PLAIN:
        return []
    turns = sorted(range(1, len(shares)), key=lambda k: -shares[k])
    return [90 * k for k in turns if shares[k] >= POSSIBLE]


def uprightness(found: Found) -> float:
    """How much speaks for the main car standing upright in the picture as it is: the segmenter's
    word, and the parts, which their detector knows upright only."""
    main = _main(found)
    if main is None:
        return 0.0
    cars = choose_cars(found.cars, found.parts, need_parts=False)
    same = overlaps([car.body.boxes[0] for car in cars], [found.cars.boxes[main]])[:, 0]
    parts = cars[int(same.argmax())].parts
    return float(_shares(found.cars, main)[0] * (0.1 + sum_of_best(parts)))


def _shares(cars: Detections, main: int) -> NDArray[np.float64]:
    """(4,) of each quarter turn, by the scores of the detections in the main car's place."""
    here = overlaps(cars.boxes, [cars.boxes[main]])[:, 0] >= SAME_CAR
    scores: NDArray[np.float64] = np.zeros(len(CAR_CLASSES))
    for label, score in zip(cars.labels[here], cars.scores[here], strict=True):
        quarter = turned_by(str(label)) // 90
        scores[quarter] = max(scores[quarter], float(score))
    shares: NDArray[np.float64] = scores / scores.sum()
    return shares


def _main(found: Found) -> int | None:
    """Index of the car that the picture seems to be about: the largest, weighed by its score."""
    if not len(found.cars):
        return None
    return int(np.argmax(found.cars.areas * found.cars.scores**2))


def closer_looks(found: Found, engine: Engine, every: bool) -> Iterator[Window]:
    """Where to look again, at the photo's own resolution: around the main car, or around `every`
    car, that is small in the picture, or has too few parts to be one."""
    cars = choose_cars(found.cars, found.parts, engine.cars_need_parts)
    confirmed = [car.body.boxes[0] for car in cars]
    if every:
        boxes = [*confirmed, *found.cars.boxes[np.argsort(-found.cars.scores)]]
    elif cars:
        boxes = confirmed[:1]
    else:
        main = _main(found)
        boxes = [] if main is None else [found.cars.boxes[main]]
    looked: list[Window] = []
    for box in boxes:
        sure = any(box is one for one in confirmed)
        window, zoom = _around(box, found.cars.size)
        if zoom < (ZOOM if sure else ZOOM_WITHOUT_PARTS) or len(looked) == MOST:
            continue
        if overlaps([window], looked).max(initial=0) < SAME_CAR:
            looked.append(window)
            yield window


def _around(box: NDArray[np.float32], size: tuple[int, int]) -> tuple[Window, float]:
    """The window around a car, and how much larger it shows the car."""
    room = MARGIN * float((box[2:] - box[:2]).max())
    x0, y0 = (max(0, int(v - room)) for v in box[:2])
    x1, y1 = (min(s, int(np.ceil(v + room))) for v, s in zip(box[2:], size, strict=True))
    window = x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)
    return window, max(size) / max(window[2] - x0, window[3] - y0)


def merged(first: Found, closer: Found, window: Window) -> Found:
    """What both looks found: in the window, the closer one is believed.

    `closer` is in pixels of the window. Where it sees no car, the first look stays as it was.
    """
    size = first.cars.size
    cars, parts = _moved(closer.cars, window, size), _moved(closer.parts, window, size)
    if not len(cars):
        return replace(first, closer=first.closer + 1)
    same = overlaps(first.cars.boxes, cars.boxes).max(axis=1, initial=0) >= SAME_CAR
    other = first.cars[~(same | _inside(first.cars, window))]
    return replace(
        first,
        cars=cars.joined(other),
        parts=parts.joined(first.parts[~_inside(first.parts, window)]),
        closer=first.closer + 1,
    )


def _moved(found: Detections, window: Window, size: tuple[int, int]) -> Detections:
    corner = np.array(window[:2] * 2, np.float32)
    return replace(found, boxes=found.boxes + corner, size=size)


def _inside(found: Detections, window: Window) -> NDArray[np.bool_]:
    """(N,) whether the centre lies in the window."""
    x, y = found.centres.T
    x0, y0, x1, y1 = window
    inside: NDArray[np.bool_] = (x >= x0) & (x < x1) & (y >= y0) & (y < y1)
    return inside
