"""What is asked of which photo, and the verdicts on a row: by name, category, or the photo's own
`expect`. Verdicts need no model: the answer is in the row."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self, cast

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from carpose.compliance import check
from carpose.parts import Viewpoint
from carpose.pose import Pose
from carpose.request import PoseRequest
from carpose.rules import RULE_SETS, Rules, RuleSet
from carpose.schema import Compliance, Quality
from deployments.bulk.errors import BulkError
from deployments.bulk.schema import ANSWERED_WITHOUT_A_CAR, Row

EXPECT = "expect"
"""The name of the rule that is nothing but viewpoints: of --expect, or of the column."""

WORST_FIRST = ("refused", "review", "accepted")


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    sets: dict[str, RuleSet] = {}
    categories: dict[str, list[str]] = {}


@dataclass(frozen=True)
class Asked:
    """Rule sets by name, and which of them are for whom.

    of_all: names of sets that every photo is held against.
    of_category: names by category.
    """

    sets: Mapping[str, RuleSet] = field(default_factory=dict)
    of_all: Sequence[str] = ()
    of_category: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        expect: str = "",
        rules: Sequence[str] = (),
        file: bytes | None = None,
        min_score: float | None = None,
    ) -> Self:
        """Of a user's words.

        expect: viewpoints by commas.
        rules: names of rule sets.
        file: YAML with `sets` (rules by name) and `categories` (lists of names by category).

        Raises: BadParameter, BulkError, naming what is unknown.
        """
        own = _read(file)
        sets = {**RULE_SETS, **own.sets}
        names = list(dict.fromkeys(rules))
        if expect or min_score is not None:
            request = PoseRequest.of(expect, min_score=min_score)
            sets[EXPECT] = RuleSet(expect=request.expect, min_score=request.min_score)
            names.append(EXPECT)
        for name in {*names, *(n for of in own.categories.values() for n in of)}:
            if name not in sets:
                raise BulkError(f"rules: {name!r} is not one of {', '.join(sets)}")
        used = {*names, *(n for of in own.categories.values() for n in of)}
        return cls({n: sets[n] for n in sorted(used)}, names, own.categories)

    @property
    def identity(self) -> str:
        """Equal where equal verdicts come of equal answers."""
        rules = {name: one.model_dump(mode="json") for name, one in self.sets.items()}
        everything = [rules, list(self.of_all), {k: list(v) for k, v in self.of_category.items()}]
        return hashlib.sha256(json.dumps(everything, sort_keys=True).encode()).hexdigest()[:16]

    def verdicts(self, row: Row) -> Row:
        """The columns `verdict`, the severest, and `verdicts` of a row; none where the photo could
        not be looked at or nothing is asked of it."""
        names = [*self.of_all, *self.of_category.get(row["category"] or "", ())]
        sets = [(name, self.sets[name]) for name in dict.fromkeys(names)]
        if row[EXPECT]:
            own = RuleSet(expect=cast(tuple[Viewpoint, ...], tuple(row[EXPECT])))
            sets = [*((n, s) for n, s in sets if n != EXPECT), (EXPECT, own)]
        judged = [_judged(row, name, rules) for name, rules in sets]
        if row["error"] not in (None, *ANSWERED_WITHOUT_A_CAR) or not judged:
            return {"verdict": None, "verdicts": None}
        worst = min((one["verdict"] for one in judged), key=WORST_FIRST.index)
        return {"verdict": worst, "verdicts": judged}


def viewpoints(words: str | Sequence[str] | None) -> list[Viewpoint] | None:
    """The photo's own `expect`, in any of the ways in which a column may have it.

    Raises: BadParameter.
    """
    return list(PoseRequest.of(words).expect) or None if words is not None else None


def _read(file: bytes | None) -> _File:
    try:
        return _File.model_validate(yaml.safe_load(file or b"{}") or {})
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BulkError(f"the rules' file is not YAML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise BulkError(f"the rules' file: {key}: {first['msg']}") from error


def _judged(row: Row, name: str, rules: RuleSet) -> Row:
    if row["error"] is not None:
        detail = row["error_detail"] or row["error"]
        return {"rules": name, "verdict": "refused", "codes": [row["error"]], "reasons": [detail]}
    verdict = _check(row, rules)
    return {
        "rules": name,
        "verdict": verdict.verdict,
        "codes": [finding.code for finding in verdict.findings],
        "reasons": verdict.reasons,
    }


def _check(row: Row, rules: RuleSet) -> Compliance:
    pose = Pose(
        view=row["view"],
        viewpoint=row["viewpoint"],
        viewpoint_score=row["score"],
        azimuth=row["azimuth"],
        azimuth_error=row["azimuth_error"],
        angle=row["angle"],
        signed_angle=row["signed_angle"],
        reference_line=None,
        warnings=(),
    )
    quality = Quality.model_validate({**row["quality"], "width": row["width"]})
    plain = Rules.model_validate(rules.model_dump(include=set(Rules.model_fields)))
    return check(pose, rules.expect, rules.min_score, quality, plain)
