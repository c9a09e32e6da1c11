"""What an answer is to those who export it; `carpose.schema.PoseResponse` is one."""

from collections.abc import Sequence
from typing import Protocol

from carpose.parts import Viewpoint

# mypy: disable-error-code="empty-body"


class Mask(Protocol):
    """COCO's run-length encoding; `size` is height and width in pixels."""

    @property
    def size(self) -> tuple[int, int]: ...
    @property
    def counts(self) -> str: ...


class Thing(Protocol):
    """A car, or a part: its box x0, y0, x1, y1 in pixels, its mask where it was asked for."""

    @property
    def box(self) -> tuple[float, float, float, float]: ...
    @property
    def score(self) -> float: ...
    @property
    def mask(self) -> Mask | None: ...


class Part(Thing, Protocol):
    """A part with its name."""

    @property
    def label(self) -> str: ...


class Car(Protocol):
    """A car with its parts."""

    @property
    def car(self) -> Thing: ...
    @property
    def parts(self) -> Sequence[Part]: ...


class Size(Protocol):
    """Of the upright picture, in pixels."""

    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...


class Pose(Protocol):
    """How the car stands."""

    @property
    def viewpoint(self) -> Viewpoint | None: ...
    @property
    def viewpoint_score(self) -> float | None: ...


class Answered(Car, Protocol):
    """The answer to a photo; `cars` where all of them were asked for."""

    @property
    def image(self) -> Size: ...
    @property
    def pose(self) -> Pose: ...
    @property
    def cars(self) -> Sequence[Car] | None: ...
    @property
    def models(self) -> dict[str, str]: ...
