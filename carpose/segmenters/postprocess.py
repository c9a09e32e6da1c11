"""Mask R-CNN's raw output as `Detections`: shared by all frameworks."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from carpose.detections import Detections
from carpose.images import Picture
from carpose.mirror_nms import mirror_nms
from carpose.tight_boxes import tighten


def mask_confidence(masks: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N,) mean probability of the cells inside each mask (N, M, M), those of at least one half:
    1 where the mask head is sure of an outline, 0 where it sees none.

    The "maskness" of SOLO (Wang et al. 2020), which says how good a mask is where the class score
    only says of what (training/EXPERIMENTS.md).
    """
    inside = masks >= 0.5
    total = (masks * inside).sum(axis=(1, 2), dtype=np.float32)
    confidence: NDArray[np.float32] = total / np.maximum(inside.sum(axis=(1, 2)), 1)
    return confidence.astype(np.float32)


def to_detections(
    boxes: NDArray[np.float32],
    classes: NDArray[np.int64],
    masks: NDArray[np.float32],
    scores: NDArray[np.float32],
    network_size: tuple[int, int],
    picture: Picture,
    labels: Sequence[str],
    score_threshold: float,
    model: str = "",
) -> Detections:
    """Mask R-CNN's output in network pixels -> detections in pixels of the original picture.

    boxes (N, 4); classes (N,) indices into `labels`; masks (N, 1, M, M) probabilities;
    scores (N,) of the classes; network_size (height, width) of the network's input. A detection's
    score is that of its class times `mask_confidence`.
    """
    scores = scores * mask_confidence(masks[:, 0])
    best_first = np.argsort(-scores, kind="stable")
    order = best_first[scores[best_first] >= score_threshold]
    cells = np.round(masks[order, 0] * 255).astype(np.uint8)
    corners, cells = tighten(boxes[order], cells)
    height, width = network_size
    corners = corners * np.array([picture.width / width, picture.height / height] * 2, np.float32)
    corners = np.clip(corners, 0, np.array([picture.width, picture.height] * 2, np.float32))
    found = Detections(
        corners,
        np.clip(scores[order], 0, 1),
        np.array(labels)[classes[order]],
        cells,
        model,
        size=(picture.width, picture.height),
    )
    # Boxes without extent have no place in a picture; Mask R-CNN makes them at its borders.
    return mirror_nms(found[np.flatnonzero((corners[:, :2] < corners[:, 2:]).all(axis=1))])
