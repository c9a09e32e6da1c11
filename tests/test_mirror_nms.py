"""One piece of metal is on one side of its car."""

import numpy as np
import pytest

from carpose.detections import Detections
from carpose.mirror_nms import mirror_nms

HERE, NEAR, AWAY = (0, 0, 100, 100), (5, 0, 105, 100), (200, 0, 300, 100)


def found(*parts: tuple[str, tuple[int, int, int, int]]) -> Detections:
    """Detections, best first."""
    return Detections(
        np.array([box for _, box in parts], np.float32),
        np.linspace(0.9, 0.5, len(parts), dtype=np.float32),
        np.array([label for label, _ in parts], dtype=str),
        size=(400, 200),
    )


@pytest.mark.parametrize(
    ("parts", "kept"),
    [
        ([("left_mirror", HERE), ("right_mirror", NEAR)], [0]),
        ([("left_mirror", HERE), ("right_mirror", AWAY)], [0, 1]),
        ([("left_mirror", HERE), ("left_mirror", NEAR)], [0, 1]),
        ([("left_mirror", HERE), ("front_right_light", NEAR)], [0, 1]),
        ([("wheel", HERE), ("wheel", NEAR)], [0, 1]),
        ([("front_right_door", HERE), ("left_mirror", HERE), ("front_left_door", HERE)], [0, 1]),
        ([("hood", HERE)], [0]),
        ([], []),
    ],
    ids=["mirror-parts", "apart", "same-side", "other-part", "no-sides", "three", "one", "none"],
)
def test_of_left_and_right_in_one_place_the_better_stays(
    parts: list[tuple[str, tuple[int, int, int, int]]], kept: list[int]
) -> None:
    all_of_them = found(*parts)
    assert np.array_equal(mirror_nms(all_of_them).scores, all_of_them.scores[kept])
