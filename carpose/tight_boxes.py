"""Boxes drawn tight around the masks: Mask R-CNN's masks are more exact than its boxes.

The box head regresses a box from a 7x7 grid of features, the mask head marks the pixels inside
it on a finer grid. On the car-parts data the masks' extents gain 5 points of box AP and leave
mask AP as it is (training/EXPERIMENTS.md).
"""

import numpy as np
from numpy.typing import NDArray

HALF = 127.5


def tighten(
    boxes: NDArray[np.float32], roi_masks: NDArray[np.uint8]
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Boxes around the half-probability outlines of their masks, and the masks of those boxes.

    boxes: (N, 4) x0, y0, x1, y1; roi_masks: (N, M, M) uint8 as in `Detections`. The outline is
    found to a fraction of a cell, by the linear interpolation that `Detections.mask` uses too,
    so that a mask covers the same pixels as before. A box whose mask is empty stays as it is.
    """
    cells, size = roi_masks.astype(np.float32), roi_masks.shape[1]
    filled = np.flatnonzero((cells >= HALF).any(axis=(1, 2)))
    if not filled.size:
        return boxes, roi_masks
    left, right = _extent(cells[filled].max(axis=1))
    top, bottom = _extent(cells[filled].max(axis=2))
    old = boxes[filled]
    cell = np.tile((old[:, 2:] - old[:, :2]) / size, 2)
    tight, masks = boxes.copy(), roi_masks.copy()
    tight[filled] = np.tile(old[:, :2], 2) + np.stack([left, top, right, bottom], axis=1) * cell
    resampled = (
        _weights(top, bottom, size) @ cells[filled] @ _weights(left, right, size).swapaxes(1, 2)
    )
    masks[filled] = np.round(resampled).astype(np.uint8)
    return tight, masks


def _extent(profile: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(N,) where each (N, M) profile first and last crosses one half, in cells, 0 to M."""
    # Beyond its last cell a mask is empty: a full cell at the border reaches exactly to it.
    padded = np.pad(profile, ((0, 0), (1, 1)))
    return _rise(padded), profile.shape[1] - _rise(padded[:, ::-1])


def _rise(padded: NDArray[np.float32]) -> NDArray[np.float32]:
    row, cell = np.arange(len(padded)), (padded >= HALF).argmax(axis=1)
    below, above = padded[row, cell - 1], padded[row, cell]
    rise: NDArray[np.float32] = cell - 1.5 + (HALF - below) / (above - below)
    return rise


def _weights(low: NDArray[np.float32], high: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """(N, M, M) weights of old cells (last axis) in new ones that divide low to high equally."""
    step = (np.arange(size, dtype=np.float32) + 0.5) / size
    at = low[:, None] + step * (high - low)[:, None]
    distance = np.abs(at[:, :, None] - (np.arange(size, dtype=np.float32) + 0.5))
    return np.maximum(0.0, 1.0 - distance, dtype=np.float32)
