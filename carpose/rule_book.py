"""What `GET /v1/rules` says: all that a verdict rests on, beside the answer."""

from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict, Field

from carpose.checks import Check
from carpose.parts import Viewpoint
from carpose.rules import RuleSet


class RuleBook(BaseModel):
    """The rules of a server."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sets: Mapping[str, RuleSet] = Field(description="by the name that `rules` asks for")
    checks: Sequence[Check] = Field(description="how each rule is told, in the findings' order")
    min_score: float = Field(description="of the viewpoint, where one is expected and none is said")
    listing_order: Sequence[Viewpoint] = Field(description="of the views in a set")
