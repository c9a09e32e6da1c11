"""How far two engines agree on a photo: what a team needs to decide which one to pay for."""

from collections.abc import Sequence

from carpose.schema import Agreement, PartAnswer, PoseResponse, WheelAgreement

SAME_WHEEL_IOU = 0.5

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 in pixels."""


def compare(own: PoseResponse, rekognition: PoseResponse) -> Agreement:
    """The agreement of two answers to the same photo."""
    views = own.pose.view, rekognition.pose.view
    wheels = [[p for p in a.parts if p.label == "wheel"] for a in (own, rekognition)]
    return Agreement(
        same_view=None if None in views else views[0] == views[1],
        angle_difference=_angle_between(own.pose.signed_angle, rekognition.pose.signed_angle),
        car_iou=round(box_iou(own.car.box, rekognition.car.box), 4),
        wheels=WheelAgreement(
            detectron2=len(wheels[0]), rekognition=len(wheels[1]), same=_matched(*wheels)
        ),
    )


def box_iou(a: Box, b: Box) -> float:
    """Intersection over union, 0 to 1; 0 for boxes without extent."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    inside = max(0.0, width) * max(0.0, height)
    union = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)) - inside
    return inside / union if union > 0 else 0.0


def _angle_between(a: float | None, b: float | None) -> float | None:
    """Degrees between two lines, 0 to 90: lines 180 degrees apart are one."""
    if a is None or b is None:
        return None
    difference = abs(a - b) % 180
    return round(min(difference, 180 - difference), 2)


def _matched(one: Sequence[PartAnswer], other: Sequence[PartAnswer]) -> int:
    """How many boxes of `one` have a partner of their own in `other`, the closest first."""
    pairs = sorted(
        ((box_iou(a.box, b.box), i, j) for i, a in enumerate(one) for j, b in enumerate(other)),
        reverse=True,
    )
    taken: tuple[set[int], set[int]] = set(), set()
    for iou, i, j in pairs:
        if iou >= SAME_WHEEL_IOU and i not in taken[0] and j not in taken[1]:
            taken[0].add(i)
            taken[1].add(j)
    return len(taken[0])
