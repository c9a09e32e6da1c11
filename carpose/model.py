"""A bundle and what runs it."""

from collections.abc import Sequence
from dataclasses import dataclass

from carpose.bundles import HOW_TO_INSTALL, Bundle, Task, open_bundle
from carpose.detections import Detections
from carpose.errors import BadBundle, MissingDependency
from carpose.images import Picture
from carpose.segmenters import BLANK, Device, Runtime, Segmenter


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
    compiled: bool = False,
    gpu_share: float = 1.0,
) -> Model:
    """Fetch, check and load a bundle, and run it once, so that no photo pays for its first run.

    uri: embedded:NAME, model_zoo:NAME, a folder, s3:// or https:// (see `carpose.bundles`).
    task: what the bundle must be for, `car_parts` or `main_car`; None takes either.

    Raises: BadBundle; MissingDependency.
    """
    bundle = open_bundle(uri)
    if task not in (None, bundle.manifest.task):
        raise BadBundle(f"{uri} is a {bundle.manifest.task} bundle, not {task}")
    segmenter = load_segmenter(bundle, device, runtime, threads, compiled, gpu_share)
    model = Model(uri, bundle, segmenter)
    model([BLANK])
    return model


def load_segmenter(
    bundle: Bundle,
    device: Device = "cpu",
    runtime: Runtime = "onnxruntime",
    threads: int = 1,
    compiled: bool = False,
    gpu_share: float = 1.0,
) -> Segmenter:
    """The segmenter that runs `bundle`; imports its framework only now.

    runtime: of an ONNX bundle on a CPU: onnxruntime computes in bytes where the bundle and the CPU
        can, onnxruntime-f32 never. A GPU, and a detectron2 bundle anywhere, take detectron2.
    compiled: by torch.compile, which takes minutes at the start; detectron2 only.
    gpu_share: of the GPU's memory that this process may take, all its models together.

    Raises: BadBundle when the bundle cannot run so; MissingDependency when the framework is not
        installed, saying how to install it.
    """
    if device == "cpu" and bundle.manifest.framework == "onnx" and runtime != "detectron2":
        from carpose.segmenters.onnx import OnnxSegmenter

        return OnnxSegmenter(bundle, runtime, threads)
    try:
        from carpose.segmenters.detectron2 import Detectron2Segmenter
    except ImportError as error:
        raise MissingDependency(
            f"{bundle.identity} needs torch, onnx and detectron2 ({error}): {HOW_TO_INSTALL}"
        ) from error
    return Detectron2Segmenter(bundle, device, threads, compiled, gpu_share)
