"""Whether two engines find the same: detections matched by IoU, and the difference in AP."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from carpose.detections import Detections
from training.average_precision import average_precision
from training.dataset import Photo, Task

SAME_IOU = 0.95
MAX_AP_DIFFERENCE = 0.002


@dataclass(frozen=True)
class Parity:
    """How two engines agree. `same` of `total` detections have a partner of the same label with
    IoU >= SAME_IOU; `ap_difference` is the largest of box and mask AP, second minus first."""

    same: int
    total: int
    ap_difference: float

    @property
    def holds(self) -> bool:
        """AP differs by at most MAX_AP_DIFFERENCE."""
        return abs(self.ap_difference) <= MAX_AP_DIFFERENCE

    def __str__(self) -> str:
        return (
            f"{self.same} of {self.total} detections the same (IoU >= {SAME_IOU}), "
            f"AP difference {self.ap_difference:+.4f}"
        )


def box_ious(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, M) IoU of boxes (N, 4) with boxes (M, 4)."""
    size = np.minimum(a[:, None, 2:], b[None, :, 2:]) - np.maximum(a[:, None, :2], b[None, :, :2])
    inside = np.clip(size, 0, None).prod(axis=2)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (a, b)]
    union = areas[0][:, None] + areas[1][None, :] - inside
    ious: NDArray[np.float32] = inside / np.maximum(union, 1e-6)
    return ious


def matched(one: Detections, other: Detections) -> int:
    """How many of `one` have a partner of their own in `other`: greedy by IoU."""
    ious = box_ious(one.boxes, other.boxes)
    ious[one.labels[:, None] != other.labels[None, :]] = 0
    count = 0
    while ious.size and ious.max() >= SAME_IOU:
        row, column = np.unravel_index(ious.argmax(), ious.shape)
        ious[row], ious[:, column] = 0, 0
        count += 1
    return count


def compare(
    photos: Sequence[Photo],
    first: Sequence[Detections],
    second: Sequence[Detections],
    task: Task,
    classes: Sequence[str] | None = None,
) -> Parity:
    """Parity of the second engine's detections with the first's, photo by photo."""
    figures = [
        average_precision(list(photos), list(found), task, classes) for found in (first, second)
    ]
    differences = [figures[1][name] - figures[0][name] for name in ("box_ap", "mask_ap")]
    return Parity(
        same=sum(matched(a, b) for a, b in zip(first, second, strict=True)),
        total=max(sum(map(len, first)), sum(map(len, second))),
        ap_difference=max(differences, key=abs),
    )
