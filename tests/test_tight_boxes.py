"""Boxes from masks: tight around them, and the masks cover the same pixels as before."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carpose.detections import Detections
from carpose.tight_boxes import tighten

BOX = np.array([[100, 50, 380, 330]], np.float32)
"""10 px a cell of 28."""


def block(x0: int, y0: int, x1: int, y1: int, value: int = 255) -> np.ndarray:
    mask = np.zeros((1, 28, 28), np.uint8)
    mask[0, y0:y1, x0:x1] = value
    return mask


@pytest.mark.parametrize(
    ("mask", "box"),
    [
        (block(0, 0, 28, 28), [100, 50, 380, 330]),
        (block(7, 0, 28, 28), [170, 50, 380, 330]),
        (block(7, 3, 20, 25), [170, 80, 300, 300]),
        (block(0, 0, 28, 28, value=100), [100, 50, 380, 330]),
        (block(5, 5, 6, 6), [150, 100, 160, 110]),
    ],
    ids=["full", "left-margin", "inside", "below-one-half-stays", "one-cell"],
)
def test_a_box_ends_where_its_mask_crosses_one_half(mask: np.ndarray, box: list[float]) -> None:
    tight, masks = tighten(BOX, mask)
    assert np.allclose(tight, [box], atol=0.1)
    assert masks.shape == mask.shape
    assert masks.dtype == np.uint8


def test_a_crossing_between_two_cells_is_found_by_interpolation() -> None:
    mask = block(8, 0, 28, 28)
    mask[:, :, 7] = 64  # one half lies (127.5 - 64) / 191 of the way to the next centre
    tight, _ = tighten(BOX, mask)
    assert tight[0, 0] == pytest.approx(100 + 10 * (7.5 + 63.5 / 191), abs=0.01)


def test_no_detections_stay_none() -> None:
    boxes, masks = tighten(np.zeros((0, 4), np.float32), np.zeros((0, 28, 28), np.uint8))
    assert boxes.shape == (0, 4)
    assert masks.shape == (0, 28, 28)


@given(
    st.tuples(st.floats(0.2, 0.8), st.floats(0.2, 0.8)),
    st.tuples(st.floats(0.1, 0.4), st.floats(0.1, 0.4)),
    st.floats(0, 3.14),
)
def test_a_tightened_mask_covers_the_pixels_it_covered(
    centre: tuple[float, float], radii: tuple[float, float], turn: float
) -> None:
    y, x = (np.mgrid[:28, :28] + 0.5) / 28
    u = (x - centre[0]) * np.cos(turn) + (y - centre[1]) * np.sin(turn)
    v = (y - centre[1]) * np.cos(turn) - (x - centre[0]) * np.sin(turn)
    distance = np.hypot(u / radii[0], v / radii[1])
    mask = np.clip(255 * (1 - (distance - 0.8) / 0.4), 0, 255).astype(np.uint8)[None]
    boxes, masks = tighten(BOX, mask)
    score, label = np.ones(1, np.float32), np.array(["wheel"])
    size = (500, 400)
    before = Detections(BOX, score, label, mask, size=size).mask(0).to_numpy()
    after = Detections(boxes, score, label, masks, size=size).mask(0).to_numpy()
    assert np.count_nonzero(before & after) / np.count_nonzero(before | after) > 0.93
    rows, columns = np.nonzero(before)
    extent = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    assert np.allclose(boxes[0], extent, atol=2.0)
