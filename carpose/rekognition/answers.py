"""DetectLabels and DetectCustomLabels answers -> Detections, and nothing else gets through.

The service may be behind a proxy that answers in its own words, and botocore checks nothing of an
answer: every shape that is not the documented one is refused.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from carpose.detections import Detections
from carpose.errors import UpstreamError
from carpose.rekognition.settings import Labels

FAR_OUTSIDE = 0.5
"""Boxes are ratios of the picture and may reach out of it, a little; further is no box of it."""


def from_labels(answer: Any, labels: Labels, width: int, height: int) -> Detections:
    """Cars and wheels of a DetectLabels answer in a picture of width x height pixels.

    A label without instances (Sedan, Vehicle) says that something is there but not where, and is
    left out; so are instances below the label's threshold.

    Raises: UpstreamError when the answer has another shape than the documented one.
    """
    version = _object(answer, "the answer").get("LabelModelVersion", "")
    model = f"rekognition@{version}" if isinstance(version, str) and version else "rekognition"
    return _detections(_label_instances(answer, labels), labels, width, height, model)


def from_custom_labels(
    answer: Any, labels: Labels, width: int, height: int, model: str
) -> Detections:
    """Cars and wheels of a DetectCustomLabels answer, where every label is one instance.

    Raises: UpstreamError when the answer has another shape than the documented one.
    """
    return _detections(_custom_instances(answer, labels), labels, width, height, model)


Instance = tuple[str, float, Any]
"""The service's label, confidence 0 to 100, bounding box as it came."""


def _label_instances(answer: Any, labels: Labels) -> Iterator[Instance]:
    for label in _list(_object(answer, "the answer").get("Labels"), "Labels"):
        name = _name(label)
        if labels.kind_of(name) is None:
            continue
        for instance in _list(label.get("Instances", []), f"Instances of {name}"):
            box = _object(instance, f"an instance of {name}").get("BoundingBox")
            yield name, _confidence(instance), box


def _custom_instances(answer: Any, labels: Labels) -> Iterator[Instance]:
    for label in _list(_object(answer, "the answer").get("CustomLabels"), "CustomLabels"):
        name = _name(label)
        if labels.kind_of(name) is None or label.get("Geometry") is None:
            continue  # a label of the whole picture has no place
        yield name, _confidence(label), _object(label["Geometry"], "Geometry").get("BoundingBox")


def _detections(
    instances: Iterator[Instance], labels: Labels, width: int, height: int, model: str
) -> Detections:
    found: list[tuple[list[float], float, str]] = []
    for name, confidence, box in instances:
        kind, threshold = labels.kind_of(name) or ("", 1.0)
        # Read before it is judged: a broken box is a broken answer however unsure it is.
        corners = _corners(box, name)
        if confidence >= threshold * 100:
            found.append((corners, min(1.0, confidence / 100), kind))
    found.sort(key=lambda entry: -entry[1])
    size = np.array([width, height, width, height], np.float32)
    boxes = np.clip(np.array([f[0] for f in found], np.float32).reshape(-1, 4), 0, 1) * size
    return Detections(
        boxes, np.array([f[1] for f in found]), np.array([f[2] for f in found]), None, model
    )


def _corners(box: Any, name: str) -> list[float]:
    where = f"the BoundingBox of {name}"
    fields = _object(box, where)
    left, top, width, height = (
        _number(fields.get(key), f"{key} of {where}") for key in ("Left", "Top", "Width", "Height")
    )
    x0, y0, x1, y1 = left, top, left + width, top + height
    low, high = -FAR_OUTSIDE, 1 + FAR_OUTSIDE
    if width <= 0 or height <= 0:
        raise UpstreamError(f"Rekognition's answer: {where} has no extent")
    if min(x0, y0) < low or max(x1, y1) > high or min(x1, y1) <= 0 or max(x0, y0) >= 1:
        raise UpstreamError(f"Rekognition's answer: {where} lies far outside of the picture")
    return [x0, y0, x1, y1]


def _confidence(instance: Mapping[str, Any]) -> float:
    value = _number(instance.get("Confidence"), "Confidence")
    if not 0 <= value <= 100.5:
        raise UpstreamError(f"Rekognition's answer: a Confidence of {value:g}, not 0 to 100")
    return value


def _number(value: Any, where: str) -> float:
    # bool is an int to Python, and an int may be too large for a float.
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e6:
        raise UpstreamError(f"Rekognition's answer: {where} is not a number of any picture")
    if not math.isfinite(value):
        raise UpstreamError(f"Rekognition's answer: {where} is not finite")
    return float(value)


def _name(label: Any) -> str:
    name = _object(label, "a label").get("Name")
    if not isinstance(name, str):
        raise UpstreamError("Rekognition's answer: a label has no Name")
    return name


def _object(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise UpstreamError(f"Rekognition's answer: {where} is not an object")
    return value


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise UpstreamError(f"Rekognition's answer: {where} is not a list")
    return value
