"""Pictures in, `Detections` out: one module per framework that can run a bundle."""

from collections.abc import Sequence
from typing import Literal, Protocol

from carpose.bundles import Bundle
from carpose.detections import Detections
from carpose.errors import BadBundle
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


def load_segmenter(
    bundle: Bundle, device: Device = "cpu", runtime: Runtime = "onnxruntime", threads: int = 1
) -> Segmenter:
    """The segmenter that runs `bundle`; imports its framework only now.

    Raises: BadBundle when the bundle cannot run on `device`; MissingDependency when the
        framework is not installed, saying how to install it.
    """
    if bundle.manifest.framework == "detectron2":
        from carpose.segmenters.detectron2 import Detectron2Segmenter

        return Detectron2Segmenter(bundle, device, threads)
    if device != "cpu":
        raise BadBundle(f"{bundle.identity} is ONNX for CPUs; a GPU takes a detectron2 bundle")
    from carpose.segmenters.onnx import OnnxSegmenter

    return OnnxSegmenter(bundle, runtime, threads)
