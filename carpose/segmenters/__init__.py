"""Pictures in, `Detections` out: one module per framework that can run a bundle."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from carpose.detections import Detections
from carpose.images import Picture

Device = Literal["cpu", "cuda"]
Runtime = Literal["onnxruntime", "onnxruntime-f32", "openvino", "detectron2"]

Finish = Callable[[], list[Detections]]
"""Waits for a batch and makes its detections, picture by picture."""

BLANK = Picture(np.full((64, 64, 3), 127, np.uint8), 64, 64)
"""A picture of nothing."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """A picture on its way into a network.

    tensor: what the framework reads.
    shape: height and width of the network's input, px.
    """

    picture: Picture
    tensor: Any
    shape: tuple[int, int]


class Segmenter(ABC):
    """An instance segmenter, in three stages, so that the device is busy with one batch while
    threads prepare the next and finish the one before. Calls from several threads are allowed.

    batches: whether pictures together are faster than one by one.
    arithmetic: of the network's layers: int8, f32, bf16 or f16.
    """

    batches: bool
    arithmetic: str

    @abstractmethod
    def prepare(self, picture: Picture) -> Prepared:
        """What can be done with a picture alone, before its batch is known."""

    @abstractmethod
    def start(self, batch: Sequence[Prepared], score_threshold: float) -> Finish:
        """Run the network; what is returned makes `Detections` of its output.

        They hold objects that score at least `score_threshold`, best first. Boxes are in pixels of
        the original upright picture, whatever size was decoded.
        """

    def __call__(self, pictures: Sequence[Picture], score_threshold: float) -> list[Detections]:
        """All three stages of a batch, one after the other."""
        return self.start([self.prepare(p) for p in pictures], score_threshold)()

    def probe(self) -> None:
        """Run next to nothing through the network; raises whatever keeps it from running."""
        self.start([replace(self.prepare(BLANK), shape=BLANK.size)], 1.0)()
