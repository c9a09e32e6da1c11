"""What is asked of a photo."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self, cast, get_args

from carpose.cars import Cars
from carpose.errors import BadParameter
from carpose.outputs import OUTPUTS
from carpose.parts import VIEWPOINTS, Viewpoint
from carpose.rules import NO_RULES, Rules, RuleSet

Names = str | Iterable[str]
"""Names separated by commas, or one by one."""


@dataclass(frozen=True)
class PoseRequest:
    """What is asked of a photo; `expect` empty means that every viewpoint will do, `cars` None
    takes the engine's default, `min_score` None that of `carpose.compliance`."""

    include: frozenset[str] = frozenset()
    expect: tuple[Viewpoint, ...] = ()
    cars: Cars | None = None
    min_score: float | None = None
    rules: Rules = NO_RULES

    @classmethod
    def of(
        cls,
        expect: Names = (),
        include: Names = (),
        cars: str | None = None,
        min_score: float | str | None = None,
        rules: Rules = NO_RULES,
    ) -> Self:
        """Of a user's words; what a RuleSet expects counts where nothing else is said.

        Raises: BadParameter naming the allowed ones.
        """
        if cars is not None and cars not in get_args(Cars):
            raise BadParameter(f"cars: {cars!r} is not one of {', '.join(get_args(Cars))}")
        wanted = viewpoints("expect", expect)
        if isinstance(rules, RuleSet):
            wanted = wanted or rules.expect
            min_score = rules.min_score if min_score is None else min_score
        return cls(
            min_score=None if min_score is None else number("min_score", min_score, 0, 1),
            include=frozenset(_names("include", include, includes())),
            expect=wanted,
            cars=cast(Cars | None, cars),
            rules=rules,
        )

    @property
    def outputs(self) -> list[str]:
        """The pictures asked for, in the order of `OUTPUTS`."""
        return [name for name in OUTPUTS if name in self.include]

    @property
    def longest_px(self) -> int:
        """Longest side in pixels that these pictures need; 0 for none."""
        return max((OUTPUTS[name].longest_px for name in self.outputs), default=0)


def viewpoints(parameter: str, given: Names) -> tuple[Viewpoint, ...]:
    """Those said under a parameter. Raises: BadParameter naming the allowed ones."""
    return cast(tuple[Viewpoint, ...], _names(parameter, given, VIEWPOINTS))


def includes() -> tuple[str, ...]:
    """What an answer holds only when it is asked for."""
    return "masks", *OUTPUTS


# Not all that Python reads as a number is one to others: 1_0, infinity. Possessive: 50,000 digits
# that end in a letter would else be tried in every division.
_NUMBER = re.compile(r"[+-]?(\d++\.?\d*+|\.\d++)(e[+-]?\d++)?", re.IGNORECASE)


def number(parameter: str, given: float | str, least: float, most: float) -> float:
    """A parameter's number. Raises: BadParameter where it is none from `least` to `most`."""
    if isinstance(given, str) and _NUMBER.fullmatch(given):
        given = float(given)
    if isinstance(given, str) or not least <= given <= most:
        raise BadParameter(f"{parameter}: {given!r} is no number between {least:g} and {most:g}")
    return given


def _names(parameter: str, given: Names, allowed: Sequence[str]) -> tuple[str, ...]:
    words = given.split(",") if isinstance(given, str) else given
    names = [name.strip() for name in words if name.strip()]
    for name in names:
        if name not in allowed:
            raise BadParameter(f"{parameter}: {name!r} is not one of {', '.join(allowed)}")
    return tuple(dict.fromkeys(names))
