"""What a request says beside its photo, in query, form or JSON: all mean the same."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, get_args

from carpose.cars import Cars
from carpose.errors import BadParameter
from carpose.parts import VIEWPOINTS
from carpose.request import PoseRequest, includes
from deployments.uploads import plain_name

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


def pose_parameters(engines: Sequence[str]) -> tuple[Parameter, ...]:
    """Those of `POST /v1/pose`, on a server with these engines."""
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
    )  # fmt: skip


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


def pose_request(said: Said) -> PoseRequest:
    """What is asked of a photo. Raises: BadParameter naming the allowed values."""
    cars, min_score = (next(iter(said.get(name, ())), None) for name in ("cars", "min_score"))
    return PoseRequest.of(said.get("expect", ()), said.get("include", ()), cars, min_score)
