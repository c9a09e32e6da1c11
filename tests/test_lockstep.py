"""Photos answered together are answered as each alone."""

from collections.abc import Sequence

import numpy as np
import pytest

from carpose.detections import Detections
from carpose.engines import Found
from carpose.images import Picture
from carpose.lockstep import Asked, together

BLANK = np.zeros((4, 4, 3), np.uint8)


def picture(width: int) -> Picture:
    return Picture(BLANK, width, 4)


def nothing(width: int) -> Found:
    none = Detections.none((width, 4))
    return Found(none, none, {})


async def looks(*widths: int) -> list[int]:
    """Looks at pictures one after the other; what it is told are their widths."""
    return [(await Asked(picture(width))).cars.size[0] for width in widths]


async def fails(before: int) -> int:
    await looks(*[1] * before)
    raise ValueError("one photo's")


def test_each_photo_s_steps_are_in_order_and_detections_are_together() -> None:
    rounds: list[list[int]] = []

    def detect(pictures: Sequence[Picture]) -> list[Found]:
        rounds.append([p.width for p in pictures])
        return [nothing(p.width) for p in pictures]

    assert together([looks(1, 2, 3), looks(), looks(7), looks(8, 9)], detect) == [
        [1, 2, 3], [], [7], [8, 9],
    ]  # fmt: skip
    assert rounds == [[1, 7, 8], [2, 9], [3]]


@pytest.mark.parametrize("before", [0, 1, 2])
def test_one_photo_s_error_is_its_own(before: int) -> None:
    first, second = together([fails(before), looks(5, 6)], lambda p: [nothing(x.width) for x in p])
    assert isinstance(first, ValueError)
    assert second == [5, 6]


def test_what_ends_the_detection_ends_all() -> None:
    def detect(pictures: Sequence[Picture]) -> list[Found]:
        raise MemoryError

    with pytest.raises(MemoryError):
        together([looks(1)], detect)
