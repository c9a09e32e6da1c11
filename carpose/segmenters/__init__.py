"""Pictures in, `Detections` out: one module per framework that can run a bundle."""

from collections.abc import Sequence
from typing import Literal, Protocol

from carpose.detections import Detections
from carpose.images import Picture

Device = Literal["cpu", "cuda"]
Runtime = Literal["onnxruntime", "openvino"]


class Segmenter(Protocol):
    """An instance segmenter. Calls from several threads are allowed."""

    def __call__(self, pictures: Sequence[Picture], score_threshold: float) -> list[Detections]:
        """Objects of every picture that score at least `score_threshold`, best first.

        Boxes are in pixels of the original upright picture, whatever size was decoded.
        """
        ...
