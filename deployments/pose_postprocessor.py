"""The deployment where detections become an answer. It runs on CPUs and knows no engine."""

import time

from carpose.answer import Question, describe
from carpose.detections import Detections
from carpose.images import Picture
from carpose.schema import PoseResponse


class PosePostprocessor:
    """The rules of carpose.answer behind a handle."""

    def describe(
        self, picture: Picture, cars: Detections, parts: Detections, question: Question
    ) -> tuple[PoseResponse, float]:
        """The answer without its timings, and the seconds it took here."""
        began = time.perf_counter()
        answer = describe(picture, cars, parts, question)
        return answer, time.perf_counter() - began
