"""What differs between engines, one entry each, and what all of them return."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from carpose.cars import CarPolicy, Cars
from carpose.detections import Detections


@dataclass(frozen=True)
class Engine:
    """An engine's habits.

    name: in requests and answers.
    longest_px: longest side, in pixels, of a picture that is enough for it.
    default_cars: which cars are asked for where the request does not say.
    cars_need_parts: whether it finds every part, so that what has none is no car.
    looks_again: whether a closer look at a small car, or at the upright copy, costs only time.
    hint: what to do where it is not configured.
    title: as people call it.
    """

    name: str
    longest_px: int
    default_cars: Cars = "main"
    cars_need_parts: bool = False
    looks_again: bool = False
    hint: str = "use another engine"
    title: str = "the engine"

    def policy(self, cars: Cars | None) -> CarPolicy:
        """Which car is meant when `cars` are asked for; None takes the default."""
        return CarPolicy(cars or self.default_cars, self.cars_need_parts)


@dataclass(frozen=True, eq=False)
class Found:
    """What an engine found in a picture.

    models: identities of the models that did.
    turned: degrees, clockwise, that the photo was turned by to bring its car upright.
    closer: how often a part of the photo was looked at again.
    unplaced: whether the engine says that there is a car, and not where.
    """

    cars: Detections
    parts: Detections
    models: Mapping[str, str]
    turned: int = 0
    closer: int = 0
    unplaced: bool = False


DETECTRON2: Final = Engine("detectron2", longest_px=1024, cars_need_parts=True, looks_again=True)
"""The own models: the part detector knows every part, so each car confirms itself."""

REKOGNITION: Final = Engine(
    "rekognition",
    title="Rekognition",
    # A car that fills a photo of this size has wheels of 200 px; more costs time to send.
    longest_px=1600,
    # As in the original AWS sample.
    default_cars="single",
    hint=(
        "it takes a `rekognition` section under `args` in serve_config.yaml, and AWS credentials; "
        "use engine=detectron2"
    ),
)
"""Amazon's service: its wheels are missing from many a real car."""


def found_by_own_models(cars: Detections, parts: Detections) -> Found:
    """What the two own models found in a picture."""
    return Found(cars, parts, {"car_parts": parts.model, "main_car": cars.model})
