"""What a request says beside its photo, in query, form or JSON: all mean the same."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, get_args

from carpose.cars import Cars
from carpose.errors import BadParameter
from carpose.parts import VIEWPOINTS, Viewpoint
from carpose.photo_set import of_each
from carpose.request import PoseRequest, includes, number, viewpoints
from carpose.rules import Rules, RuleSet, rule_set
from carpose.schema import Framing
from deployments.uploads import plain_name

COMPARE: Final = "compare"
"""In place of an engine: both of those that the original AWS sample had."""

MAX_LENGTH: Final = 200
"""Letters of a value; none that means anything is as long."""

Said = Mapping[str, tuple[str, ...]]
"""Values by name: several only of a list."""


@dataclass(frozen=True)
class Parameter:
    """A parameter of this service.

    about: for people. values: the ones that there are; empty where it is a number.
    many: whether it is a list, by commas or by repeating the name.
    """

    name: str
    about: str
    values: Sequence[str] = ()
    many: bool = False
    number: tuple[float, float] | None = None

    def documented(self) -> dict[str, Any]:
        """As OpenAPI says it."""
        schema: dict[str, Any] = {"type": "string"}
        if self.values:
            schema["enum"] = list(self.values)
        if self.number:
            schema = {"type": "number", "minimum": self.number[0], "maximum": self.number[1]}
        if self.many:
            schema = {"type": "array", "items": schema}
        return {
            "name": self.name,
            "in": "query",
            "required": False,
            "description": self.about,
            "schema": schema,
            **({"style": "form", "explode": False} if self.many else {}),
        }


FLAG: Final = ("true", "false")
_FLAG_WORDS: Final = {
    "1": "true",
    "yes": "true",
    "on": "true",
    "0": "false",
    "no": "false",
    "off": "false",
}


def pose_parameters(engines: Sequence[str], sets: Mapping[str, RuleSet]) -> tuple[Parameter, ...]:
    """Those of `POST /v1/pose`, on a server with these engines and named sets of rules."""
    return (
        Parameter("engine", "detectron2: own models; rekognition; compare: both", engines),
        Parameter("include", "what the answer is to hold beside", includes(), many=True),
        Parameter("expect", "viewpoints that will do; adds a verdict", VIEWPOINTS, many=True),
        Parameter(
            "cars",
            "main: the largest; single: exactly one, Rekognition's default; all: each of them",
            get_args(Cars),
        ),
        Parameter(
            "min_score", "least probability of the viewpoint for a verdict without a person",
            number=(0, 1),
        ),
        Parameter("rules", "a set of rules by its name; a rule beside it counts more", tuple(sets)),
        *(rule_parameter(name) for name in Rules.model_fields),
    )  # fmt: skip


def rule_parameter(name: str) -> Parameter:
    """A single rule's."""
    about = Rules.model_fields[name].description or ""
    if name == "framing":
        return Parameter(name, about, get_args(Framing), many=True)
    if name in _NUMBERS:
        return Parameter(name, about, number=_NUMBERS[name])
    return Parameter(name, about, FLAG)


_NUMBERS: Final = {
    "min_car_share": (0.0, 1.0),
    "max_car_share": (0.0, 1.0),
    "max_angle": (0.0, 90.0),
    "min_width": (1.0, 100_000.0),
}


def set_parameters(known: Sequence[Parameter]) -> tuple[Parameter, ...]:
    """Those of `POST /v1/set`: each photo is asked the same, and the views are asked of the set."""
    about = "viewpoints that must be there, in order; those of the set of rules where none are said"
    views = Parameter("views", about, VIEWPOINTS, many=True)
    engine = next(parameter for parameter in known if parameter.name == "engine")
    values = [name for name in engine.values if name != COMPARE]
    others = [p for p in known if p.name not in ("engine", "expect")]
    return (views, replace(engine, values=values), *others)


class Parameters:
    """The parameters of a route, by name."""

    def __init__(self, known: Iterable[Parameter]) -> None:
        self._known = {parameter.name: parameter for parameter in known}

    def said(self, pairs: Iterable[tuple[str, str]]) -> Said:
        """What was said in one place.

        Raises: BadParameter naming the known ones for an unknown name, and where one that is no
            list is said twice with different values.
        """
        values: dict[str, list[str]] = {}
        for name, value in pairs:
            parameter = self._known.get(plain_name(name))
            if parameter is None:
                known = ", ".join(self._known)
                raise BadParameter(f"there is no parameter {name[:40]!r}, there are: {known}")
            if len(value) > MAX_LENGTH:
                raise BadParameter(f"{parameter.name}: the value is too long")
            given = value.split(",") if parameter.many else [value]
            values.setdefault(parameter.name, []).extend(v.strip() for v in given)
        # An input that was left empty says nothing.
        said = {name: tuple(dict.fromkeys(filter(None, all_))) for name, all_ in values.items()}
        for name, distinct in said.items():
            if len(distinct) > 1 and not self._known[name].many:
                raise BadParameter(f"{name}: said twice, {distinct[0]!r} and {distinct[1]!r}")
        return {name: distinct for name, distinct in said.items() if distinct}

    def joined(self, query: Said, body: Said, way: str) -> Said:
        """What was said in the query and in the body. Raises: BadParameter where they differ."""
        for name in query.keys() & body.keys():
            if set(query[name]) != set(body[name]):
                a, b = (",".join(said[name]) for said in (query, body))
                raise BadParameter(f"{name}: said twice, {a!r} in the query and {b!r} in the {way}")
        return {**query, **body}


def pose_request(said: Said, sets: Mapping[str, RuleSet]) -> PoseRequest:
    """What is asked of a photo. Raises: BadParameter naming the allowed values."""
    single = {rule: _rule(rule, said) for rule in Rules.model_fields if rule in said}
    return PoseRequest.of(
        said.get("expect", ()),
        said.get("include", ()),
        _one(said, "cars"),
        _one(said, "min_score"),
        _named(said, sets).model_copy(update=single),
    )


def set_request(
    said: Said, sets: Mapping[str, RuleSet]
) -> tuple[PoseRequest, tuple[Viewpoint, ...]]:
    """What is asked of each photo of a set, and the views that must be there. Raises: BadParameter
    naming the allowed values."""
    views = viewpoints("views", said.get("views", ()))
    return of_each(pose_request(said, sets)), views or _named(said, sets).views


def _named(said: Said, sets: Mapping[str, RuleSet]) -> RuleSet:
    name = _one(said, "rules")
    return rule_set(name, sets) if name else RuleSet()


def _one(said: Said, name: str) -> str | None:
    return next(iter(said.get(name, ())), None)


def _rule(name: str, said: Said) -> object:
    values = said[name]
    if name == "framing":
        allowed = get_args(Framing)
        for value in values:
            if value not in allowed:
                raise BadParameter(f"framing: {value!r} is not one of {', '.join(allowed)}")
        return values
    if name in _NUMBERS:
        given = number(name, values[0], *_NUMBERS[name])
        return round(given) if name == "min_width" else given
    word = values[0].lower()
    word = _FLAG_WORDS.get(word, word)
    if word not in FLAG:
        raise BadParameter(f"{name}: {values[0]!r} is not one of {', '.join(FLAG)}")
    return word == "true"
