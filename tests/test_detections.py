"""The detection type checks itself, and its masks land where their boxes are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carpose import rle
from carpose.detections import Detections

BOX = [[10.0, 20.0, 30.0, 60.0]]


@pytest.mark.parametrize(
    ("boxes", "scores", "labels", "masks"),
    [
        (BOX, [0.5, 0.5], ["wheel"], None),
        (BOX, [0.5], [], None),
        ([[30.0, 20.0, 10.0, 60.0]], [0.5], ["wheel"], None),
        ([[np.nan, 0, 1, 1]], [0.5], ["wheel"], None),
        (BOX, [1.5], ["wheel"], None),
        (BOX, [np.nan], ["wheel"], None),
        (BOX, [0.5], ["wheel"], np.zeros((1, 28, 28))),
        (BOX, [0.5], ["wheel"], np.zeros((2, 28, 28), np.uint8)),
    ],
    ids=["scores", "labels", "turned", "nan", "score", "nan-score", "float-mask", "mask-count"],
)
def test_arrays_that_do_not_fit_are_refused(
    boxes: object, scores: object, labels: object, masks: object
) -> None:
    with pytest.raises(ValueError, match=r"boxes|scores|roi_masks"):
        Detections(np.array(boxes), np.array(scores), np.array(labels, np.str_), masks)  # type: ignore[arg-type]


def one(box: list[float], cells: np.ndarray | None = None) -> Detections:
    masks = None if cells is None else cells[None]
    return Detections(np.array([box]), np.ones(1), np.array(["wheel"]), masks)


def test_a_box_without_a_mask_is_its_own_mask() -> None:
    mask = one([10, 20, 30, 60]).mask(0, 50, 80)
    assert mask.sum() == 20 * 40
    assert mask[20:60, 10:30].all()


def test_a_mask_is_stretched_over_its_box() -> None:
    cells = np.zeros((4, 4), np.uint8)
    cells[:, :2] = 255
    found = one([0, 0, 40, 40], cells)
    mask = found.mask(0, 40, 40)
    assert mask[20, :18].all()
    assert not mask[20, 22:].any()
    assert found.areas[0] == 800


def test_a_mask_beyond_the_picture_is_cut_off() -> None:
    mask = one([-20, -20, 20, 20], np.full((28, 28), 255, np.uint8)).mask(0, 10, 10)
    assert mask.all()


windows = st.tuples(st.integers(0, 12), st.integers(0, 9), st.integers(0, 12), st.integers(0, 9))


@given(windows, st.integers(0, 2**32 - 1))
def test_rle_of_a_window_is_that_of_the_whole_mask(
    window: tuple[int, int, int, int], seed: int
) -> None:
    width, height = 12, 9
    x0, x1 = sorted((window[0], window[2]))
    y0, y1 = sorted((window[1], window[3]))
    inside = np.random.default_rng(seed).random((y1 - y0, x1 - x0)) < 0.6
    full = np.zeros((height, width), np.bool_)
    full[y0:y1, x0:x1] = inside
    mask = rle.encode(slice(y0, y1), slice(x0, x1), inside, width, height)
    assert (rle.decode(mask) == full).all()


def test_a_mask_of_a_12_megapixel_picture_stays_small() -> None:
    disk = np.hypot(*np.mgrid[-14:14, -14:14]) < 13
    found = one([100, 100, 2100, 2100], disk.astype(np.uint8) * np.uint8(255))
    mask = rle.encode(*found.cropped_mask(0, 4000, 3000), 4000, 3000)
    assert len(mask.counts) < 20_000
