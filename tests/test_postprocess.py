"""From a network's raw output to detections."""

import numpy as np
import pytest

from carpose.detections import Detections
from carpose.images import Picture
from carpose.segmenters.postprocess import mask_confidence, to_detections

PICTURE = Picture(np.zeros((100, 200, 3), np.uint8), 400, 200)
"""Decoded at half its size."""


def masks(*values: float) -> np.ndarray:
    """(N, 1, 28, 28): each probability in all cells of a mask."""
    return np.stack([np.full((1, 28, 28), value, np.float32) for value in values])


def detections(scores: list[float], probabilities: list[float], threshold: float) -> Detections:
    count = len(scores)
    boxes = np.array([[10 * k, 10, 10 * k + 8, 20] for k in range(count)], np.float32)
    return to_detections(
        boxes.reshape(-1, 4),
        np.zeros(count, np.int64),
        masks(*probabilities) if count else np.zeros((0, 1, 28, 28), np.float32),
        np.array(scores, np.float32),
        (50, 100),
        PICTURE,
        ["wheel"],
        threshold,
    )


@pytest.mark.parametrize(
    ("cells", "confidence"),
    [
        ([1.0] * 4, 1.0),
        ([0.6] * 4, 0.6),
        ([1.0, 0.8, 0.49, 0.0], 0.9),
        ([0.49] * 4, 0.0),
    ],
    ids=["sure", "unsure", "only-the-inside-counts", "nothing-inside"],
)
def test_a_mask_is_as_sure_as_its_inside(cells: list[float], confidence: float) -> None:
    mask = np.array(cells, np.float32).reshape(1, 2, 2)
    assert mask_confidence(mask) == pytest.approx([confidence])


def test_a_score_is_of_class_and_mask() -> None:
    found = detections([0.9, 0.8], [0.6, 1.0], threshold=0.5)
    assert found.scores == pytest.approx([0.8, 0.54])
    assert found.boxes[0, 0] == 40, "the second box, in pixels of the original picture"


def test_the_threshold_is_one_for_the_whole_score() -> None:
    assert len(detections([0.9, 0.9], [0.6, 0.5], threshold=0.5)) == 1


def test_what_covers_no_pixel_is_not_there() -> None:
    assert len(detections([0.99], [0.3], threshold=0.02)) == 0


def test_nothing_found_is_no_detection() -> None:
    assert len(detections([], [], threshold=0.5)) == 0
