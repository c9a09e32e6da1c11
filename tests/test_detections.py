"""The detection type checks itself, and its masks land where their boxes are."""

import numpy as np
import pytest

from carpose.detections import Detections
from carpose.masks import Size

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
        Detections(
            np.array(boxes), np.array(scores), np.array(labels, np.str_), masks, size=(50, 80)
        )  # type: ignore[arg-type]


def one(box: list[float], size: Size, cells: np.ndarray | None = None) -> Detections:
    masks = None if cells is None else cells[None]
    return Detections(np.array([box]), np.ones(1), np.array(["wheel"]), masks, size=size)


def test_a_picture_without_extent_is_refused() -> None:
    with pytest.raises(ValueError, match="size"):
        Detections.none((0, 10))


def test_a_box_without_a_mask_is_its_own_mask() -> None:
    mask = one([10, 20, 30, 60], (50, 80)).mask(0).to_numpy()
    assert mask.sum() == 20 * 40
    assert mask[20:60, 10:30].all()


def test_a_mask_is_stretched_over_its_box() -> None:
    cells = np.zeros((4, 4), np.uint8)
    cells[:, :2] = 255
    found = one([0, 0, 40, 40], (40, 40), cells)
    mask = found.mask(0).to_numpy()
    assert mask[20, :18].all()
    assert not mask[20, 22:].any()
    assert found.areas[0] == 800


def test_a_mask_beyond_the_picture_is_cut_off() -> None:
    mask = one([-20, -20, 20, 20], (10, 10), np.full((28, 28), 255, np.uint8)).mask(0)
    assert mask.to_numpy().all()


def test_detections_scale_with_their_picture() -> None:
    found = one([10, 20, 30, 60], (100, 80)).resized((50, 40))
    assert (found.size, found.boxes.tolist()) == ((50, 40), [[5, 10, 15, 30]])


def test_a_mask_of_a_12_megapixel_picture_stays_small() -> None:
    disk = np.hypot(*np.mgrid[-14:14, -14:14]) < 13
    found = one([100, 100, 2100, 2100], (4000, 3000), disk.astype(np.uint8) * np.uint8(255))
    assert len(found.mask(0).rle()) < 20_000
