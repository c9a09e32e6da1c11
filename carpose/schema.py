"""The public types of `POST /v1/pose`, as they go out.

What was not asked for is absent; what was and cannot be told is null.
"""

from base64 import b64decode
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from carpose.exports.coco import to_coco
from carpose.exports.supervision import to_supervision
from carpose.parts import View, Viewpoint

if TYPE_CHECKING:
    import supervision

Framing = Literal["distant", "whole", "close-up"]
"""How much of a picture its car takes, the least first."""

Point = tuple[float, float]
"""x, y in pixels of the upright picture."""


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _absent(default: None = None, **about: Any) -> Any:
    """A field that is left out where it is None."""
    return Field(default, exclude_if=_is_none, **about)


def _is_none(value: object) -> bool:
    return value is None


class ImageSize(_Answer):
    """Size of the upright picture, in pixels."""

    width: int = Field(ge=1)
    height: int = Field(ge=1)
    turned: int = Field(
        0, description="degrees, clockwise, that the photo was turned by to bring its car upright"
    )


class Mask(_Answer):
    """COCO run-length encoding: column-major runs of the whole upright picture, compressed."""

    size: tuple[int, int] = Field(description="height, width in pixels")
    counts: str


class Warning_(_Answer):
    """Why a value is null, or what to doubt."""

    code: str
    detail: str


class PoseAnswer(_Answer):
    """How the car stands in the picture; what cannot be computed is null, with a warning."""

    view: View | None
    viewpoint: Viewpoint | None
    viewpoint_score: float | None = Field(
        ge=0, le=1, description="probability that the viewpoint is right"
    )
    azimuth: float | None = Field(
        ge=0,
        lt=360,
        description="degrees, counter-clockwise round the car seen from above: 0 its front, 90 "
        "its left side",
    )
    azimuth_error: float | None = Field(ge=0, description="one standard deviation, degrees")
    angle: float | None = Field(ge=0, le=90, description="degrees to the horizontal")
    signed_angle: float | None = Field(
        gt=-90, le=90, description="degrees, positive when the line rises to the right"
    )
    reference_line: tuple[Point, Point] | None


class CarAnswer(_Answer):
    """The main car."""

    box: tuple[float, float, float, float]
    score: float = Field(ge=0, le=1, description="probability that it is a car")
    mask: Mask | None = _absent()


class PartAnswer(_Answer):
    """A part of the main car."""

    label: str
    score: float = Field(ge=0, le=1)
    box: tuple[float, float, float, float]
    mask: Mask | None = _absent()


class Quality(_Answer):
    """How well the photo shows its car, whether that was asked for or not."""

    whole: bool = Field(description="whether no edge of the picture cuts the car")
    cut: list[str] = Field(description="the edges that do: left, right, top, bottom")
    framing: Framing = Field(description="close-up, whole or distant, by car_share")
    car_share: float = Field(
        ge=0, le=1, description="share of the picture's area that the car's box covers"
    )
    width: int = Field(ge=1, description="of the upright picture, in pixels")
    sharpness: float = Field(ge=0, le=1, description="of the car: 0 blurred, 1 sharp")
    brightness: float = Field(
        ge=0, le=1, description="of the car's lightest tenth: 0 black, 1 white"
    )
    blown: float = Field(ge=0, le=1, description="share of the car that is nothing but white")
    cars: int = Field(ge=1)


class Finding(_Answer):
    """What speaks against a photo: a stable code, the value, what was asked, and what to do."""

    code: str
    value: float | str | None
    limit: float | list[str]
    detail: str


class Compliance(_Answer):
    """Whether the photo is what was asked for.

    `review`: the answer is not sure enough for either; a person should look.
    """

    verdict: Literal["accepted", "review", "refused"]
    accepted: bool
    reasons: list[str]
    findings: list[Finding]


class OneCar(_Answer):
    """One of the cars of a photo, with its own parts."""

    car: CarAnswer
    pose: PoseAnswer
    parts: list[PartAnswer]
    warnings: list[Warning_]


class PoseResponse(_Answer):
    """The answer to a photo."""

    engine: str
    image: ImageSize
    pose: PoseAnswer
    car: CarAnswer
    parts: list[PartAnswer]
    quality: Quality
    compliance: Compliance | None = _absent()
    warnings: list[Warning_]
    notices: list[Warning_] = Field(description="what is worth knowing, and no reason to doubt")
    cars: list[OneCar] | None = _absent(description="every car, the largest first, for cars=all")
    models: dict[str, str]
    timings_ms: dict[str, float]
    images: dict[str, str] | None = _absent(
        description="data URLs of the pictures asked for: annotated and crop JPEG, cutout PNG"
    )

    def picture(self, name: str) -> bytes:
        """The file of a picture that was asked for: `upright`, `annotated`, `crop` or `cutout`.

        Raises: KeyError for one that was not.
        """
        return b64decode((self.images or {})[name].partition(",")[2])

    def to_coco(self, file_name: str = "", car: bool = False) -> dict[str, Any]:
        """COCO's annotations of this photo; see `carpose.exports.coco`."""
        return to_coco([(file_name, self)], car)

    def to_supervision(self, car: bool = False) -> "supervision.Detections":
        """Its parts as supervision's Detections. Raises: MissingDependency."""
        return to_supervision(self, car)


class Problem(BaseModel):
    """RFC 9457 problem details; `type` ends in the error's code."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str | None = _absent()


class EngineOutcome(_Answer):
    """What one engine made of a photo: an answer, or why there is none."""

    answer: PoseResponse | None = _absent()
    problem: Problem | None = _absent()


class SetPhoto(_Answer):
    """One photo of a set: its answer, or why there is none."""

    answer: PoseResponse | None = _absent()
    problem: Problem | None = _absent()


class Doubles(_Answer):
    """Photos of the same view; places in the set, from 0."""

    viewpoint: Viewpoint
    better: int = Field(ge=0)
    others: list[int]


class SetSummary(_Answer):
    """What several photos of one car are together; places in the set, from 0."""

    complete: bool = Field(description="whether every view that must be there is")
    missing: list[Viewpoint]
    doubles: list[Doubles]
    order: list[int] = Field(description="the best photo of each view, as a listing shows them")


class SetResponse(_Answer):
    """The answer to several photos of one car, in the order in which they came."""

    engine: str
    photos: list[SetPhoto]
    set: SetSummary


class WheelAgreement(_Answer):
    """Wheels of the main car that each engine found, and how many are the same (IoU >= 0.5)."""

    detectron2: int = Field(ge=0)
    rekognition: int = Field(ge=0)
    same: int = Field(ge=0)


class Agreement(_Answer):
    """How far two answers agree; null where one of them could not tell."""

    same_view: bool | None
    angle_difference: float | None = Field(ge=0, le=90, description="degrees between the lines")
    car_iou: float = Field(ge=0, le=1, description="of the main cars' boxes")
    wheels: WheelAgreement


class Comparison(_Answer):
    """Both engines on one photo; `agreement` is null unless both answered."""

    engine: Literal["compare"]
    detectron2: EngineOutcome
    rekognition: EngineOutcome
    agreement: Agreement | None
    price_usd: float = Field(ge=0, description="of the call to Rekognition, by configuration")
