"""One of many photos, answered or not."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from carpose.errors import CarposeError
from carpose.schema import PoseResponse

Given = TypeVar("Given")


@dataclass(frozen=True, eq=False)
class Looked(Generic[Given]):
    """A photo as it was given, with its answer, or why there is none."""

    photo: Given
    answer: PoseResponse | None = None
    error: CarposeError | OSError | None = None

    def result(self) -> PoseResponse:
        """The answer. Raises: what stands in its place."""
        if self.answer is not None:
            return self.answer
        assert self.error is not None
        raise self.error
