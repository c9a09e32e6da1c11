"""Boxes and lines compared: the formulas that more than one rule needs."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Corners = Sequence[float] | NDArray[np.float32]
"""x0, y0, x1, y1 in pixels."""


def overlaps(
    a: ArrayLike, b: ArrayLike, over: Literal["union", "smaller"] = "union"
) -> NDArray[np.float64]:
    """(N, M) shares, 0 to 1, of boxes (N, 4) with boxes (M, 4).

    Intersection over union, or over the smaller of the two boxes. Boxes without extent have no
    union to share; where the smaller box has none it shares all when it lies in the other.
    """
    one, other = (np.asarray(boxes, np.float64).reshape(-1, 4) for boxes in (a, b))
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    size = np.minimum(one[:, None, 2:], other[None, :, 2:]) - low
    inside = np.clip(size, 0, None).prod(axis=2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (one, other)]
    if over == "union":
        whole = areas[0][:, None] + areas[1][None, :] - inside
        empty = np.zeros_like(whole)
    else:
        whole = np.minimum(areas[0][:, None], areas[1][None, :])
        empty = (size >= 0).all(axis=2).astype(np.float64)
    some = whole > 0
    shares: NDArray[np.float64] = np.where(some, inside / np.where(some, whole, 1), empty)
    return shares


def box_iou(a: Corners, b: Corners) -> float:
    """Intersection over union of two boxes, 0 to 1; 0 for boxes without extent."""
    return float(overlaps(a, b)[0, 0])


def matched(shares: NDArray[np.float64], least: float) -> list[tuple[int, int]]:
    """Pairs (row, column) of an (N, M) table of shares, best first, of at least `least` (above 0);
    no row and no column is taken twice."""
    left, pairs = shares.copy(), []
    while left.size and left.max() >= least:
        row, column = np.unravel_index(left.argmax(), left.shape)
        left[row], left[:, column] = -1, -1
        pairs.append((int(row), int(column)))
    return pairs


def distinct(order: Sequence[int] | NDArray[np.intp], same: NDArray[np.bool_]) -> list[int]:
    """Of indices in order those that are not the `same` (N, N) as one kept before them."""
    kept: list[int] = []
    for index in order:
        if not same[index, kept].any():
            kept.append(int(index))
    return kept


def angle_between(a: float, b: float) -> float:
    """Degrees between two lines with angles `a` and `b`, 0 to 90: 180 degrees apart is the same."""
    difference = abs(a - b) % 180
    return min(difference, 180 - difference)
