"""The deployment where what was found becomes an answer. It runs on CPUs and asks no model."""

from carpose.answer import to_answer
from carpose.engines import Engine, Found
from carpose.images import Picture
from carpose.request import PoseRequest
from carpose.schema import PoseResponse
from deployments.stand_back import stand_back


class PosePostprocessor:
    """The rules of carpose.answer behind a handle."""

    def __init__(self) -> None:
        stand_back()

    def answer(
        self, picture: Picture, found: Found, engine: Engine, request: PoseRequest
    ) -> PoseResponse:
        """The answer without its timings."""
        return to_answer(picture, found, engine, request).response()
