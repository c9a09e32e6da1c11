"""How Amazon Rekognition is asked: typed, checked, and free of boto3."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from carpose.errors import BadParameter
from carpose.rekognition.projects import parse_arn


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Labels(_Strict):
    """What the service calls a car and a wheel, and how sure it must be of an instance, 0 to 1.

    The names that are the default are those of Amazon's own models.
    """

    car: frozenset[str] = Field(frozenset({"Car"}), min_length=1)
    wheel: frozenset[str] = Field(frozenset({"Wheel"}), min_length=1)
    car_threshold: float = Field(0.6, ge=0, le=1)
    wheel_threshold: float = Field(0.6, ge=0, le=1)

    @property
    def threshold(self) -> float:
        """The lower of both thresholds."""
        return min(self.car_threshold, self.wheel_threshold)

    def kind_of(self, name: str) -> tuple[str, float] | None:
        """Our word for a label of the service and its threshold; None for what we ignore."""
        if name in self.car:
            return "car", self.car_threshold
        if name in self.wheel:
            return "wheel", self.wheel_threshold
        return None


CUSTOM_LABELS = Labels(car=frozenset({"vehicle"}), wheel=frozenset({"vehicle_wheel"}))
"""The names that the original AWS sample trains its Custom Labels model on."""


def _checked_arn(arn: str) -> str:
    try:
        return parse_arn(arn).arn
    except BadParameter as error:
        raise ValueError(error.detail) from error


class Settings(_Strict):
    """Credentials come from AWS's default chain, never from here."""

    region: str | None = Field(None, pattern=r"^[a-z]{2}(-[a-z]+)+-\d+$")
    """None takes AWS_REGION, or the profile's."""
    labels: Labels = Labels()
    project_version_arn: Annotated[str, AfterValidator(_checked_arn)] | None = None
    """A Custom Labels model to ask in place of the general labels."""
    custom_labels: Labels = CUSTOM_LABELS
    """Names in that model."""
    connect_timeout_s: float = Field(2.0, gt=0)
    read_timeout_s: float = Field(5.0, gt=0)
    attempts: int = Field(8, ge=1)
    """Calls per photo while the service throttles or fails, boto3's adaptive retries."""
    deadline_s: float = Field(20.0, gt=0)
    """For all attempts of a photo together."""
