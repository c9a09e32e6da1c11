"""How far two engines agree on a photo: what a team needs to decide which one to pay for."""

from carpose.detections import Detections
from carpose.geometry import angle_between, box_iou, matched, overlaps
from carpose.schema import Agreement, PoseResponse, WheelAgreement

SAME_WHEEL_IOU = 0.5


def compare(own: PoseResponse, rekognition: PoseResponse) -> Agreement:
    """The agreement of two answers to the same photo."""
    angles = own.pose.signed_angle, rekognition.pose.signed_angle
    views = own.pose.view, rekognition.pose.view
    wheels = [[p.box for p in a.parts if p.label == "wheel"] for a in (own, rekognition)]
    same = matched(overlaps(wheels[0], wheels[1]), SAME_WHEEL_IOU)
    return Agreement(
        same_view=None if None in views else views[0] == views[1],
        angle_difference=_difference(*angles),
        car_iou=round(box_iou(own.car.box, rekognition.car.box), 4),
        wheels=WheelAgreement(
            detectron2=len(wheels[0]), rekognition=len(wheels[1]), same=len(same)
        ),
    )


def alike(one: Detections, other: Detections, least_iou: float) -> int:
    """How many of `one` have a partner of their own in `other`: the same label, and a box with at
    least this IoU."""
    shares = overlaps(one.boxes, other.boxes)
    shares[one.labels[:, None] != other.labels[None, :]] = 0
    return len(matched(shares, least_iou))


def _difference(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else round(angle_between(a, b), 2)
