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
    IoU >= SAME_IOU; box and mask AP are differences, second minus first."""

    same: int
    total: int
    box_ap: float
    mask_ap: float

    @property
    def holds(self) -> bool:
        """AP differs by at most MAX_AP_DIFFERENCE."""
        return max(abs(self.box_ap), abs(self.mask_ap)) <= MAX_AP_DIFFERENCE

    @property
    def costs(self) -> bool:
        """The second finds less: its AP is lower by more than MAX_AP_DIFFERENCE."""
        return min(self.box_ap, self.mask_ap) < -MAX_AP_DIFFERENCE

    def __str__(self) -> str:
        return (
            f"{self.same} of {self.total} detections the same (IoU >= {SAME_IOU}), "
            f"AP {self.box_ap:+.4f} (boxes) and {self.mask_ap:+.4f} (masks)"
        )


def compare(
    photos: Sequence[Photo],
    first: Sequence[Detections],
    second: Sequence[Detections],
    classes: Sequence[str],
) -> Parity:
    """Parity of the second engine's detections with the first's, photo by photo."""
    figures = [average_precision(photos, found, classes) for found in (first, second)]
    return Parity(
        same=sum(alike(a, b, SAME_IOU) for a, b in zip(first, second, strict=True)),
        total=max(sum(map(len, first)), sum(map(len, second))),
        box_ap=figures[1]["box_ap"] - figures[0]["box_ap"],
        mask_ap=figures[1]["mask_ap"] - figures[0]["mask_ap"],
    )
