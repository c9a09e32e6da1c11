"""Boxes compared, pair by pair."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carpose.geometry import box_iou, distinct, matched, overlaps

Box = tuple[float, float, float, float]
EDGES = st.floats(0, 1000, width=32)
BOXES = st.tuples(EDGES, EDGES, EDGES, EDGES).map(
    lambda b: (min(b[0], b[2]), min(b[1], b[3]), max(b[0], b[2]), max(b[1], b[3]))
)


@given(BOXES, BOXES)
def test_iou_is_symmetric_and_a_share(a: Box, b: Box) -> None:
    assert 0 <= box_iou(a, b) <= 1 + 1e-9
    assert box_iou(a, b) == box_iou(b, a)


@pytest.mark.parametrize(
    ("a", "b", "union", "smaller"),
    [
        ((0, 0, 10, 10), (0, 0, 10, 10), 1, 1),
        ((0, 0, 10, 10), (5, 0, 15, 10), 1 / 3, 1 / 2),
        ((0, 0, 10, 10), (2, 2, 4, 4), 0.04, 1),
        ((0, 0, 10, 10), (20, 0, 30, 10), 0, 0),
        ((0, 0, 10, 10), (10, 0, 20, 10), 0, 0),
        ((5, 5, 5, 5), (5, 5, 5, 5), 0, 1),
        ((0, 0, 10, 10), (5, 5, 5, 5), 0, 1),
        ((0, 0, 10, 10), (50, 5, 50, 5), 0, 0),
    ],
    ids=["same", "half", "inside", "apart", "touching", "points", "a-point-inside", "a-point-outside"],
)  # fmt: skip
def test_boxes_overlap_over_their_union_or_the_smaller_one(
    a: Box, b: Box, union: float, smaller: float
) -> None:
    assert overlaps([a], [b])[0, 0] == pytest.approx(union)
    assert overlaps([a], [b], over="smaller")[0, 0] == pytest.approx(smaller)


def test_no_boxes_have_no_overlaps() -> None:
    assert overlaps([], [(0, 0, 1, 1)]).shape == (0, 1)


@pytest.mark.parametrize(
    ("shares", "pairs"),
    [
        ([[0.9, 0.8], [0.85, 0.1]], [(0, 0)]),
        ([[0.6, 0.9], [0.7, 0.8]], [(0, 1), (1, 0)]),
        ([[0.4]], []),
        (np.zeros((0, 3)), []),
    ],
    ids=["taken-once", "the-best-first", "too-little", "none"],
)
def test_the_best_pairs_match_first(shares: object, pairs: list[tuple[int, int]]) -> None:
    assert matched(np.array(shares), 0.5) == pairs


def test_of_the_same_the_first_stays() -> None:
    same = np.array([[1, 1, 0], [1, 1, 1], [0, 1, 1]], np.bool_)
    assert distinct([0, 1, 2], same) == [0, 2]
    assert distinct([1, 0, 2], same) == [1]
