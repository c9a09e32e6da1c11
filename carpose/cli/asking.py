"""What the options ask, and the photos that are asked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from carpose.errors import BadParameter, CarposeError

if TYPE_CHECKING:
    from carpose.answer import Answer
    from carpose.cli.photos import Named
    from carpose.estimator import Estimator
    from carpose.rules import RuleSet
    from carpose.schema import PoseResponse


@dataclass(frozen=True)
class Seen:
    """A photo with its answer, or why there is none."""

    name: str
    answer: "PoseResponse | None" = None
    error: CarposeError | OSError | None = None

    @property
    def accepted(self) -> bool:
        """Whether nothing speaks against it."""
        verdict = self.answer.compliance if self.answer else None
        return self.error is None and (verdict is None or verdict.accepted)

    @property
    def problem(self) -> dict[str, str] | None:
        """A code and a sentence where there is no answer."""
        if self.error is None:
            return None
        if isinstance(self.error, CarposeError):
            return {"code": self.error.code, "detail": self.error.detail}
        return {"code": "no-file", "detail": self.error.strerror or str(self.error)}


@dataclass(frozen=True)
class Asking:
    """What is asked of every photo.

    rules: the name of a set, a file of one, or empty.
    single: rules beside it, which count more.
    pictures: the folder, or for one photo the file, of each picture that is to be written.

    Raises: BadParameter.
    """

    expect: str = ""
    cars: str = "main"
    min_score: float | None = None
    rules: str = ""
    single: Mapping[str, Any] = field(default_factory=dict)
    masks: bool = False
    pictures: Mapping[str, Path | None] = field(default_factory=dict)
    bundles: tuple[str, str] = ("embedded:car_parts", "embedded:main_car")
    threads: int = 2

    def __post_init__(self) -> None:
        from carpose.request import PoseRequest

        # Before models are loaded.
        PoseRequest.of(self.expect, (), self.cars, self.min_score, self.rule_set())

    def rule_set(self) -> "RuleSet":
        """All rules together."""
        from carpose.rules import RULE_SETS, rule_set

        values: dict[str, Any] = {}
        if self.rules in RULE_SETS:
            values = RULE_SETS[self.rules].model_dump()
        elif self.rules:
            values = _read(Path(self.rules))
        return rule_set(
            values | {k: v for k, v in self.single.items() if v not in (None, False, ())}
        )

    def loaded(self) -> "Estimator":
        """What answers. Raises: BadBundle; MissingDependency."""
        from carpose.estimator import Estimator

        return Estimator.load(*self.bundles, threads=self.threads)

    def look(self, estimator: "Estimator", photo: "Named", alone: bool) -> Seen:
        """A photo's answer, its pictures written; `alone` where it is the only one."""
        from carpose.cli.drawn import OF_OUTPUTS, write

        drawn = {name: path for name, path in self.pictures.items() if path is not None}
        include = [OF_OUTPUTS[name] for name in drawn if name in OF_OUTPUTS]
        try:
            answer: Answer = estimator.answer(
                photo.read(),
                expect=self.expect,
                include=include,
                cars=self.cars,
                min_score=self.min_score,
                rules=self.rule_set(),
            )
            for name, path in drawn.items():
                write(answer, name, path, photo.stem, alone)
            return Seen(photo.name, answer.response({"masks"} if self.masks else ()))
        except (CarposeError, OSError) as error:
            return Seen(photo.name, error=error)


def _read(path: Path) -> dict[str, Any]:
    import yaml

    from carpose.rules import RULE_SETS

    if not path.is_file():
        known = ", ".join(RULE_SETS)
        raise BadParameter(f"rules: {str(path)!r} is neither a file nor one of {known}")
    try:
        content = yaml.safe_load(path.read_bytes())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadParameter(f"rules: {path} is not YAML: {error}") from error
    if not isinstance(content, dict):
        raise BadParameter(f"rules: {path} has no rules, such as `whole: true`")
    return content
