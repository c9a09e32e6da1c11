"""How far two engines agree on a photo: what a team needs to decide which one to pay for."""

from collections.abc import Sequence

from carpose.geometry import angle_between, box_iou
from carpose.schema import Agreement, PartAnswer, PoseResponse, WheelAgreement

SAME_WHEEL_IOU = 0.5


def compare(own: PoseResponse, rekognition: PoseResponse) -> Agreement:
    """The agreement of two answers to the same photo."""
    angles = own.pose.signed_angle, rekognition.pose.signed_angle
    views = own.pose.view, rekognition.pose.view
    wheels = [[p for p in a.parts if p.label == "wheel"] for a in (own, rekognition)]
    return Agreement(
        same_view=None if None in views else views[0] == views[1],
        angle_difference=_difference(*angles),
        car_iou=round(box_iou(own.car.box, rekognition.car.box), 4),
        wheels=WheelAgreement(
            detectron2=len(wheels[0]), rekognition=len(wheels[1]), same=_matched(*wheels)
        ),
    )


def _difference(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else round(angle_between(a, b), 2)


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
