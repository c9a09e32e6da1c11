"""Whether two engines find the same: detections matched by IoU, and the difference in AP."""

from collections.abc import Sequence
from dataclasses import dataclass

from carpose.agreement import alike
from carpose.detections import Detections
from training.average_precision import average_precision
from training.photos import Photo

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


def compare(
    photos: Sequence[Photo],
    first: Sequence[Detections],
    second: Sequence[Detections],
    classes: Sequence[str],
) -> Parity:
    """Parity of the second engine's detections with the first's, photo by photo."""
    figures = [average_precision(photos, found, classes) for found in (first, second)]
    differences = [figures[1][name] - figures[0][name] for name in ("box_ap", "mask_ap")]
    return Parity(
        same=sum(alike(a, b, SAME_IOU) for a, b in zip(first, second, strict=True)),
        total=max(sum(map(len, first)), sum(map(len, second))),
        ap_difference=max(differences, key=abs),
    )
