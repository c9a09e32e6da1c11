"""What can be asked of a photo beside its viewpoint, and sets of rules that go by a name."""

from collections.abc import Mapping
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from carpose.errors import BadParameter
from carpose.parts import Viewpoint
from carpose.schema import Framing


class Rules(BaseModel):
    """Rules on a photo; what is not said is not asked. `docs/quality.png` shows what the limits of
    `sharp` and `exposure` catch."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    whole: bool = Field(False, description="no edge of the picture cuts the car")
    framing: tuple[Framing, ...] = Field((), description="how much of the picture the car takes")
    min_car_share: float | None = Field(None, ge=0, le=1, description="of the picture's area")
    max_car_share: float | None = Field(None, ge=0, le=1, description="of the picture's area")
    max_angle: float | None = Field(None, ge=0, le=90, description="degrees to the horizontal")
    min_width: int | None = Field(None, ge=1, description="of the picture, in pixels")
    sharp: bool = Field(False, description="the car is not blurred")
    exposure: bool = Field(False, description="the car is neither dark nor blown out")
    single: bool = Field(False, description="no other car is in the photo")

    @property
    def empty(self) -> bool:
        """Whether nothing is asked."""
        return all(getattr(self, name) == getattr(NO_RULES, name) for name in Rules.model_fields)


class RuleSet(Rules):
    """All that a photo should be, under one name; `views`, what a set of photos should show."""

    expect: tuple[Viewpoint, ...] = Field((), description="viewpoints that do for a single photo")
    views: tuple[Viewpoint, ...] = Field((), description="those that a set must show, in order")
    min_score: float | None = Field(None, ge=0, le=1)


NO_RULES: Final = Rules()

_GOOD = {"sharp": True, "exposure": True}
_CORNERS: Final[tuple[Viewpoint, ...]] = ("front-left", "front-right", "back-right", "back-left")

RULE_SETS: Final[Mapping[str, RuleSet]] = {
    # A marketplace: all the photos of a listing; the first of them, and the others.
    "listing": RuleSet(
        views=("front-left", "front", "left", "right", "back-right", "back"),
        whole=True, min_car_share=0.2, min_width=800, **_GOOD,
    ),
    "listing-main": RuleSet(
        expect=("front-left", "front-right"),
        whole=True, single=True, min_car_share=0.25, max_angle=30, min_width=800, **_GOOD,
    ),
    "listing-side": RuleSet(
        expect=("left", "right"), whole=True, min_car_share=0.2, min_width=800, **_GOOD
    ),
    "listing-back": RuleSet(
        expect=("back-left", "back", "back-right"), whole=True, min_car_share=0.25, min_width=800,
        **_GOOD,
    ),
    # An insurer: the whole car from a corner that shows two of its sides; damage needs pixels.
    "claim-overview": RuleSet(
        expect=_CORNERS, views=_CORNERS,
        whole=True, framing=("whole",), min_width=1280, min_score=0.7, **_GOOD,
    ),
    # A rental return: each side, in a car park with other cars in it.
    "rental-return": RuleSet(
        views=("front", "left", "back", "right"),
        whole=True, min_car_share=0.2, min_width=1024, min_score=0.7, **_GOOD,
    ),
}  # fmt: skip
"""Examples that come with carpose; a configuration adds its own, or takes their names."""


def rule_set(
    given: str | Mapping[str, object] | Rules, named: Mapping[str, RuleSet] = RULE_SETS
) -> RuleSet:
    """A set of rules by its name, from its values, or of rules.

    Raises: BadParameter naming what there is.
    """
    if isinstance(given, RuleSet):
        return given
    if isinstance(given, str):
        if given not in named:
            raise BadParameter(f"rules: {given!r} is not one of {', '.join(named)}")
        return named[given]
    try:
        return RuleSet.model_validate(dict(given))
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(place) for place in first["loc"])
        if first["type"] == "extra_forbidden":
            known = ", ".join(RuleSet.model_fields)
            raise BadParameter(f"rules: {name!r} is not one of {known}") from error
        raise BadParameter(f"rules: {name}: {first['input']!r}: {first['msg']}") from error
