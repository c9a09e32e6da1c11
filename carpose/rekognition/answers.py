"""DetectLabels and DetectCustomLabels answers -> Detections, and nothing else gets through.

The service may be behind a proxy that answers in its own words, and botocore checks nothing of an
answer: every shape that is not the documented one is refused. A box that is broken is left out, as
long as a car is left.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Self, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from carpose.detections import Detections
from carpose.errors import UpstreamError
from carpose.masks import Size
from carpose.rekognition.settings import Labels

FAR_OUTSIDE = 0.5
"""Boxes are ratios of the picture and may reach out of it, a little; further is no box of it."""


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, allow_inf_nan=False, frozen=True)


Ratio = Annotated[float, Field(ge=-FAR_OUTSIDE, le=1 + 2 * FAR_OUTSIDE)]


class _BoundingBox(_Strict):
    Left: Ratio
    Top: Ratio
    Width: Annotated[Ratio, Field(gt=0)]
    Height: Annotated[Ratio, Field(gt=0)]

    @property
    def corners(self) -> tuple[float, float, float, float]:
        """x0, y0, x1, y1 as ratios of the picture."""
        return self.Left, self.Top, self.Left + self.Width, self.Top + self.Height

    @model_validator(mode="after")
    def _is_in_the_picture(self) -> Self:
        x0, y0, x1, y1 = self.corners
        if max(x1, y1) > 1 + FAR_OUTSIDE or min(x1, y1) <= 0 or max(x0, y0) >= 1:
            raise ValueError("the box lies far outside of the picture")
        return self


class _Instance(_Strict):
    Confidence: float = Field(ge=0, le=100.5)
    BoundingBox: _BoundingBox


class _Label(_Strict):
    Name: str
    Confidence: float = 100.0
    Instances: list[Any] = []
    """None where the service knows that something is there (Sedan, Vehicle) but not where."""


class _Geometry(_Strict):
    BoundingBox: _BoundingBox


class _CustomLabel(_Strict):
    Confidence: float = Field(ge=0, le=100.5)
    Geometry: _Geometry | None = None
    """None for a label of the whole picture."""


class _Named(BaseModel):
    """Any label: what is not asked for is not judged."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True)
    Name: str


class _LabelsAnswer(_Strict):
    Labels: list[_Named]
    LabelModelVersion: Any = None


class _CustomLabelsAnswer(_Strict):
    CustomLabels: list[_Named]


def from_labels(answer: Any, labels: Labels, size: Size) -> Detections:
    """Cars and wheels of a DetectLabels answer in a picture of `size`.

    Instances below their label's threshold are left out.

    Raises: UpstreamError when the answer has another shape than the documented one.
    """
    read = _read(_LabelsAnswer, answer)
    version = read.LabelModelVersion
    model = f"rekognition@{version}" if isinstance(version, str) and version else "rekognition"
    boxes = [
        (label.Name, _instance(instance))
        for label in _wanted(read.Labels, labels)
        for instance in label.Instances
    ]
    return _detections(boxes, labels, size, model)


def sees_without_place(answer: Any, labels: Labels) -> bool:
    """Whether a DetectLabels answer, one that `from_labels` has read, has a car in it and no place
    for any."""
    cars = [
        label
        for label in _wanted(_read(_LabelsAnswer, answer).Labels, labels)
        if label.Name in labels.car
    ]
    sure = any(label.Confidence >= 100 * labels.car_threshold for label in cars)
    return sure and not any(label.Instances for label in cars)


def from_custom_labels(answer: Any, labels: Labels, size: Size, model: str) -> Detections:
    """Cars and wheels of a DetectCustomLabels answer, where every label is one instance.

    Raises: UpstreamError when the answer has another shape than the documented one.
    """
    read = _read(_CustomLabelsAnswer, answer)
    boxes: list[tuple[str, _Instance | None]] = []
    for label in read.CustomLabels:
        if labels.kind_of(label.Name):
            custom = _whole(_CustomLabel, label.model_dump())
            if custom is None:
                boxes.append((label.Name, None))
            elif custom.Geometry:
                box = custom.Geometry.BoundingBox
                boxes.append((label.Name, _Instance(Confidence=custom.Confidence, BoundingBox=box)))
    return _detections(boxes, labels, size, model)


Read = TypeVar("Read", bound=BaseModel)


def _read(kind: type[Read], value: Any) -> Read:
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the answer"
        raise UpstreamError(f"Rekognition's answer: {where}: {first['msg']}") from error


def _whole(kind: type[Read], value: Any) -> Read | None:
    try:
        return kind.model_validate(value)
    except ValidationError:
        return None


def _instance(value: Any) -> _Instance | None:
    # Read before it is judged: a broken box is broken however unsure it is.
    return _whole(_Instance, value)


def _wanted(given: Sequence[_Named], labels: Labels) -> list[_Label]:
    return [_read(_Label, label.model_dump()) for label in given if labels.kind_of(label.Name)]


def _detections(
    found: Sequence[tuple[str, _Instance | None]], labels: Labels, size: Size, model: str
) -> Detections:
    """Of labels with their boxes, None for a broken one.

    Raises: UpstreamError when boxes are broken, and no car is left.
    """
    kept: list[tuple[float, str, tuple[float, ...]]] = []
    whole = [(name, instance) for name, instance in found if instance]
    if len(whole) < len(found) and not any(name in labels.car for name, _ in whole):
        raise UpstreamError("Rekognition's answer has boxes of another shape")
    for name, instance in whole:
        kind, threshold = labels.kind_of(name) or ("", 1.0)
        if instance.Confidence >= threshold * 100:
            kept.append((min(1.0, instance.Confidence / 100), kind, instance.BoundingBox.corners))
    kept.sort(key=lambda one: -one[0])
    ratios = np.array([corners for _, _, corners in kept], np.float32).reshape(-1, 4)
    return Detections(
        np.clip(ratios, 0, 1) * np.array(size * 2, np.float32),
        np.array([score for score, _, _ in kept], np.float32),
        np.array([kind for _, kind, _ in kept], np.str_),
        model=model,
        size=size,
    )
