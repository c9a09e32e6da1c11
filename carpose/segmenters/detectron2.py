"""Mask R-CNN through Detectron2 itself: PyTorch, batched, on a GPU or a CPU."""

import io
import pickle
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from carpose.bundles import Bundle, ModelInput
from carpose.detections import Detections
from carpose.errors import BadBundle, MissingDependency
from carpose.images import Picture
from carpose.segmenters import Device
from carpose.segmenters.postprocess import to_detections
from carpose.segmenters.preprocess import network_input


class Detectron2Segmenter:
    """Runs a detectron2 bundle: `config` is Detectron2's YAML, `weights` its state dict.

    The weights are a .pth read with weights_only=True, or a model zoo .pkl of plain arrays.
    """

    def __init__(self, bundle: Bundle, device: Device = "cpu", threads: int = 1) -> None:
        try:
            import torch
            from detectron2.config import get_cfg
            from detectron2.modeling import build_model
        except ImportError as error:
            raise MissingDependency(
                f"{bundle.identity} needs torch and detectron2 ({error}): "
                "pip install 'carpose[detectron2]'"
            ) from error
        if bundle.manifest.config is None:
            raise BadBundle(f"{bundle.identity}: a detectron2 bundle names its config")
        if device == "cpu":
            torch.set_num_threads(threads)
        cfg = get_cfg()
        cfg.merge_from_file(str(bundle.folder / bundle.manifest.config.path))
        cfg.MODEL.WEIGHTS = ""
        cfg.MODEL.DEVICE = device
        self.bundle = bundle
        self._model = build_model(cfg).eval()
        state = _state_dict(bundle.weights, torch)
        missing = set(self._model.state_dict()) - set(state)
        # Pixel statistics and anchors are buffers that the configuration already set.
        missing = {n for n in missing if "pixel_" not in n and "anchor_generator" not in n}
        if missing:
            raise BadBundle(f"{bundle.identity}: {len(missing)} tensors missing, {min(missing)}")
        self._model.load_state_dict(state, strict=False)
        # One forward pass at a time: threads would only share the device and its memory.
        self._lock = threading.Lock()

    def __call__(self, pictures: Sequence[Picture], score_threshold: float) -> list[Detections]:
        """See `Segmenter`. One forward pass for all pictures."""
        manifest = self.bundle.manifest
        with self._lock:
            return infer(
                self._model,
                pictures,
                manifest.input,
                manifest.classes,
                score_threshold,
                self.bundle.identity,
            )


def infer(
    network: Any,
    pictures: Sequence[Picture],
    spec: ModelInput,
    classes: Sequence[str],
    score_threshold: float,
    model: str = "",
) -> list[Detections]:
    """Detections of a Detectron2 network in evaluation mode; one forward pass for all pictures."""
    import torch

    tensors = [network_input(picture, spec) for picture in pictures]
    with torch.inference_mode():
        outputs = network.inference(
            [{"image": torch.from_numpy(tensor)} for tensor in tensors], do_postprocess=False
        )
        found = [output.to("cpu") for output in outputs]
    return [
        to_detections(
            one.pred_boxes.tensor.numpy(),
            one.pred_classes.numpy(),
            one.pred_masks.numpy(),
            one.scores.numpy(),
            (tensor.shape[1], tensor.shape[2]),
            picture,
            classes,
            score_threshold,
            model,
        )
        for one, tensor, picture in zip(found, tensors, pictures, strict=True)
    ]


class _ArraysOnly(pickle.Unpickler):
    """Reads nested dicts of numpy arrays and refuses every other class or function."""

    allowed = frozenset(
        {
            ("numpy", "ndarray"),
            ("numpy", "dtype"),
            ("numpy.core.multiarray", "_reconstruct"),
            ("numpy._core.multiarray", "_reconstruct"),
            ("numpy.core.multiarray", "scalar"),
            ("numpy._core.multiarray", "scalar"),
            ("collections", "OrderedDict"),
            ("_codecs", "encode"),
        }
    )

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.allowed:
            raise BadBundle(f"the checkpoint asks for {module}.{name}: refused")
        return super().find_class(module, name)


def read_arrays(content: bytes) -> dict[str, Any]:
    """A model zoo checkpoint, pickled dicts of numpy arrays, without running code from it.

    Raises: BadBundle when it holds anything else.
    """
    try:
        state = _ArraysOnly(io.BytesIO(content), encoding="latin1").load()
    except (pickle.UnpicklingError, EOFError, ValueError, TypeError) as error:
        raise BadBundle(f"not a checkpoint: {error}") from error
    if not isinstance(state, dict):
        raise BadBundle("not a checkpoint: no dict inside")
    return state.get("model", state)  # type: ignore[no-any-return]


def _state_dict(path: Path, torch: Any) -> dict[str, Any]:
    if path.suffix == ".pkl":
        arrays = read_arrays(path.read_bytes())
        return {name: torch.from_numpy(np.asarray(value)) for name, value in arrays.items()}
    state = torch.load(path, map_location="cpu", weights_only=True)
    return state.get("model", state)  # type: ignore[no-any-return]
