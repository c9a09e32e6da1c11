"""A bundle and what runs it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from carpose.bundles import Bundle, Task, open_bundle
from carpose.detections import Detections
from carpose.errors import BadBundle
from carpose.images import Picture
from carpose.segmenters import Device, Runtime, Segmenter


@dataclass(frozen=True)
class Model:
    """A model that is ready to run; calls from several threads are allowed."""

    uri: str
    bundle: Bundle
    segmenter: Segmenter

    def __call__(
        self, pictures: Sequence[Picture], score_threshold: float | None = None
    ) -> list[Detections]:
        """Objects of every picture that score at least `score_threshold`, by default the bundle's
        own, best first, in pixels of the original."""
        if score_threshold is None:
            score_threshold = self.bundle.manifest.score_threshold
        return self.segmenter(pictures, score_threshold)


def load_model(
    uri: str,
    device: Device = "cpu",
    runtime: Runtime = "onnxruntime",
    threads: int = 1,
    task: Task | None = None,
) -> Model:
    """Fetch, check and load a bundle, and run it once, so that no photo pays for its first run.

    uri: embedded:NAME, model_zoo:NAME, a folder, s3:// or https:// (see `carpose.bundles`).
    task: what the bundle must be for, `car_parts` or `main_car`; None takes either.

    Raises: BadBundle; MissingDependency.
    """
    bundle = open_bundle(uri)
    if task not in (None, bundle.manifest.task):
        raise BadBundle(f"{uri} is a {bundle.manifest.task} bundle, not {task}")
    model = Model(uri, bundle, load_segmenter(bundle, device, runtime, threads))
    model([Picture(np.full((64, 64, 3), 127, np.uint8), 64, 64)])
    return model


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
