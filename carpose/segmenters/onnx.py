"""Mask R-CNN as ONNX on a CPU, by ONNX Runtime or, optionally, OpenVINO."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from carpose.bundles import Bundle
from carpose.detections import Detections
from carpose.errors import MissingDependency
from carpose.images import Picture
from carpose.processor import multiplies_bytes
from carpose.segmenters import BLANK, Finish, Prepared, Runtime, Segmenter
from carpose.segmenters.postprocess import to_detections
from carpose.segmenters.preprocess import network_input

OUTPUTS = ("boxes", "classes", "masks", "scores")
THRESHOLD = "score_threshold"
"""Optional second input: detections below it get no mask, which is most of the time saved."""

Run = Callable[[NDArray[np.float32], float], Sequence[NDArray[np.generic]]]


class OnnxSegmenter(Segmenter):
    """Runs a bundle's ONNX graph, which takes one picture of any size at a time."""

    # On a CPU the threads are busy with one picture already.
    batches = False

    def __init__(self, bundle: Bundle, runtime: Runtime = "onnxruntime", threads: int = 1) -> None:
        self.bundle = bundle
        if runtime == "openvino":
            self.arithmetic = bundle.manifest.openvino_precision
            self._run = _openvino(bundle.weights, threads, self.arithmetic)
        elif bundle.int8 and runtime == "onnxruntime" and multiplies_bytes():
            self.arithmetic = "int8"
            self._run = _onnxruntime(bundle.int8, threads)
        else:
            self.arithmetic = "f32"
            self._run = _onnxruntime(bundle.weights, threads)

    def prepare(self, picture: Picture) -> Prepared:
        """See `Segmenter`."""
        tensor = network_input(picture, self.bundle.manifest.input)
        return Prepared(picture, tensor, (tensor.shape[1], tensor.shape[2]))

    def probe(self) -> None:
        """See `Segmenter`."""
        small = self.bundle.manifest.input.model_copy(update={"size": BLANK.width})
        self._run(network_input(BLANK, small), 1.0)

    def start(self, batch: Sequence[Prepared], score_threshold: float) -> Finish:
        """See `Segmenter`. Picture by picture."""
        outputs = [self._run(prepared.tensor, score_threshold) for prepared in batch]
        return lambda: [
            self._detections(one, prepared, score_threshold)
            for one, prepared in zip(outputs, batch, strict=True)
        ]

    def _detections(
        self, outputs: Sequence[NDArray[np.generic]], prepared: Prepared, score_threshold: float
    ) -> Detections:
        boxes, classes, masks, scores = outputs
        return to_detections(
            boxes.astype(np.float32),
            classes.astype(np.int64),
            masks.astype(np.float32),
            scores.astype(np.float32),
            prepared.shape,
            prepared.picture,
            self.bundle.manifest.classes,
            score_threshold,
            self.bundle.identity,
        )


def _onnxruntime(weights: Path, threads: int) -> Run:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Idle threads that spin would take the cores from the other detector on this machine.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        str(weights), options, providers=["CPUExecutionProvider"]
    )
    # A graph whose threshold has a default lists it apart.
    inputs = {i.name for i in [*session.get_inputs(), *session.get_overridable_initializers()]}

    def run(tensor: NDArray[np.float32], threshold: float) -> Sequence[NDArray[np.generic]]:
        feed = {"image": tensor}
        if THRESHOLD in inputs:
            feed[THRESHOLD] = np.array([threshold], np.float32)
        return session.run(OUTPUTS, feed)  # type: ignore[no-any-return]

    return run


def _openvino(weights: Path, threads: int, precision: str) -> Run:
    try:
        import openvino
    except ImportError as error:
        raise MissingDependency(
            "runtime openvino is not installed: pip install 'carpose[openvino]'"
        ) from error
    compiled = openvino.Core().compile_model(
        str(weights),
        "CPU",
        {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": precision},
    )

    inputs = {name for entry in compiled.inputs for name in entry.names}

    def run(tensor: NDArray[np.float32], threshold: float) -> Sequence[NDArray[np.generic]]:
        feed = {"image": tensor}
        if THRESHOLD in inputs:
            feed[THRESHOLD] = np.array([threshold], np.float32)
        result = compiled.create_infer_request().infer(feed)
        return [result[name] for name in OUTPUTS]

    return run
