"""The rules on a photo as a table: what each one looks at, its limit, and what to say to people.

`GET /v1/rules` serves the table, so that who holds an answer can tell another verdict from it.
"""

from collections.abc import Iterator, Mapping
from math import floor
from typing import Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from carpose.pose import Pose
from carpose.rules import Rules
from carpose.schema import Finding, Framing, Quality

MIN_SHARPNESS: Final = 0.3
MIN_BRIGHTNESS: Final = 0.25
MAX_BLOWN: Final = 0.3
"""What `sharp` and `exposure` ask for: docs/quality.png shows what these catch of photos made worse
step by step, and that they leave the photos alone."""

Value = float | str | list[str] | None


class Check(BaseModel):
    """A finding where what was measured is beyond a limit; {value} and {limit} stand for both in
    the sentences, as the unit has it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str = Field(description="of the finding")
    rule: str = Field(description="which asks for it: its value is the limit, if it is not true")
    of: str = Field(description="what is measured: a name of `quality`, or `angle` of `pose`")
    beyond: Literal["below", "above", "any", "smaller", "larger"] = Field(
        description="when: below or above the limit; where there is any; or a word that the limit "
        "has not, with a larger one in it, or none"
    )
    limit: float | None = Field(None, description="of a rule that is only true or false")
    words: tuple[str, ...] = Field(
        (), description="what a measure that is a word can be, the smallest first"
    )
    unit: Literal["", "share", "degrees"] = ""
    asks: str = Field(description="what is asked, for people")
    detail: str = Field(description="what to do, for people")

    def finding(self, value: Value, rules: Rules) -> Finding | None:
        """What speaks against a photo of this value, if its rule is asked; None where nothing
        does, or the value could not be told."""
        asked = getattr(rules, self.rule)
        if asked is None or asked is False or asked == () or value is None:
            return None
        limit = self.limit if asked is True else asked
        if not self._is_beyond(value, limit):
            return None
        said = " and ".join(value) if isinstance(value, list) else value
        return Finding(
            code=self.code,
            value=said,
            limit=[] if limit is None else list(limit) if isinstance(limit, tuple) else limit,
            detail=self.detail.format(value=self._worded(said), limit=self._worded(limit)),
        )

    def _is_beyond(self, value: Value, limit: float | tuple[str, ...] | None) -> bool:
        if self.beyond == "any":
            return bool(value)
        if isinstance(value, str) and isinstance(limit, tuple):
            rest = self.words[self.words.index(value) + 1 :]
            larger = any(word in limit for word in rest)
            return value not in limit and larger == (self.beyond == "smaller")
        assert isinstance(value, (int, float))
        assert isinstance(limit, (int, float))
        return value < limit if self.beyond == "below" else value > limit

    def _worded(self, value: float | str | tuple[str, ...] | None) -> str:
        if isinstance(value, tuple):
            return " or ".join(value)
        if isinstance(value, (int, float)) and self.unit:
            return f"{half_up(100 * value)} %" if self.unit == "share" else str(half_up(value))
        return str(value)


def half_up(value: float) -> int:
    """The nearest whole number, the larger one of two: as browsers round, and Python does not."""
    return floor(value + 0.5)


_SHARE = "the car takes {value} of the picture, asked for"

CHECKS: Final = (
    Check(
        code="whole", rule="whole", of="cut", beyond="any",
        asks="the whole car",
        detail="step back: the car is cut off at the {value}",
    ),
    *(
        Check(
            code="framing", rule="framing", of="framing", beyond=beyond,
            words=get_args(Framing), asks="framing: {limit}", detail=f"{way}: this is {{value}}",
        )
        for beyond, way in (("smaller", "go nearer"), ("larger", "step back"))
    ),
    Check(
        code="min-car-share", rule="min_car_share", of="car_share", beyond="below", unit="share",
        asks="a car that takes {limit} of the picture or more",
        detail=f"go nearer: {_SHARE} {{limit}}",
    ),
    Check(
        code="max-car-share", rule="max_car_share", of="car_share", beyond="above", unit="share",
        asks="a car that takes {limit} of the picture at most",
        detail=f"step back: {_SHARE} at most {{limit}}",
    ),
    Check(
        code="max-angle", rule="max_angle", of="angle", beyond="above", unit="degrees",
        asks="an angle of {limit} degrees at most",
        detail="hold the camera level, further to the side: {value} degrees",
    ),
    Check(
        code="min-width", rule="min_width", of="width", beyond="below",
        asks="{limit} pixels across or more",
        detail="send the photo in full: it has {value} pixels across, asked for {limit}",
    ),
    Check(
        code="sharp", rule="sharp", of="sharpness", beyond="below", limit=MIN_SHARPNESS,
        asks="a sharp car", detail="hold still and focus on the car: it is blurred",
    ),
    Check(
        code="dark", rule="exposure", of="brightness", beyond="below", limit=MIN_BRIGHTNESS,
        asks="enough light", detail="find more light: the car is dark",
    ),
    Check(
        code="blown-out", rule="exposure", of="blown", beyond="above", limit=MAX_BLOWN,
        asks="no glare",
        detail="expose for the car, or turn from the light: much of it is nothing but white",
    ),
    Check(
        code="single", rule="single", of="cars", beyond="above", limit=1,
        asks="no other car", detail="take the photo with one car in it: there are {value}",
    ),
)  # fmt: skip
"""In the order of their findings."""


def findings(pose: Pose, quality: Quality, rules: Rules) -> Iterator[Finding]:
    """What speaks against a photo, of what is asked."""
    angle = None if pose.angle is None else round(pose.angle, 2)  # as the answer says it
    measured: Mapping[str, Value] = {**quality.model_dump(), "angle": angle}
    for check in CHECKS:
        finding = check.finding(measured[check.of], rules)
        if finding:
            yield finding
