"""The figures by which models are judged: one table."""

import math
from dataclasses import dataclass
from typing import Final, Literal

from training.intervals import Estimate


@dataclass(frozen=True)
class Metric:
    """A figure.

    unit: `share`, 0 to 1, or `degrees`.
    per_class: whether there is one for every class besides.
    judged: whether the gate compares it; False where its interval says nothing.
    """

    name: str
    unit: Literal["share", "degrees"] = "share"
    higher_is_better: bool = True
    per_class: bool = False
    judged: bool = True

    def text(self, value: float) -> str:
        """For people; a dash where the photos do not tell it."""
        if not math.isfinite(value):
            return "–"
        return f"{value:.1f}°" if self.unit == "degrees" else f"{value:.3f}"

    def row(self, found: Estimate) -> tuple[str, str, str]:
        """Name, value and interval, for people."""
        low, high = self.text(found.low), self.text(found.high)
        return self.name, self.text(found.value), "–" if low == "–" else f"{low} – {high}"

    def worse(self, change: float) -> bool:
        """Whether a change of this sign is one for the worse."""
        return change < 0 if self.higher_is_better else change > 0


TABLE: Final = (
    Metric("box_ap", per_class=True),
    Metric("box_ap50"),
    Metric("mask_ap", per_class=True),
    Metric("mask_ap50"),
    Metric("side_accuracy"),
    Metric("view_accuracy"),
    Metric("viewpoint_accuracy"),
    Metric("viewpoint_wrong", higher_is_better=False),
    Metric("calibration_error", higher_is_better=False),
    Metric("angle_median", "degrees", higher_is_better=False),
    Metric("angle_mean", "degrees", higher_is_better=False),
    Metric("angle_p90", "degrees", higher_is_better=False),
    Metric("angle_within_15"),
    Metric("car_mean_iou"),
    # A bootstrap says nothing of a minimum.
    Metric("car_worst_iou", judged=False),
    Metric("car_box_ap"),
    Metric("car_box_ap50"),
    Metric("car_mask_ap"),
    Metric("car_mask_ap50"),
    Metric("no_car_answered", higher_is_better=False),
    Metric("no_car_sure", higher_is_better=False),
)
"""In the order of the reports. A new figure is an entry here and a value in `training.measure`."""

METRICS: Final = {metric.name: metric for metric in TABLE}
