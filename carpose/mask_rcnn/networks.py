"""A bundle as a Detectron2 network: by its own configuration, or rebuilt from its ONNX file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from detectron2.config import CfgNode, get_cfg
from detectron2.modeling import build_model
from torch import Tensor, nn

from carpose.bundles import Bundle
from carpose.errors import BadBundle
from carpose.mask_rcnn.checkpoint import read_arrays
from carpose.mask_rcnn.configuration import detectron2_config
from carpose.mask_rcnn.depthwise import keep_from_cudnn
from carpose.mask_rcnn.onnx_weights import weights_from_onnx

NOT_LEARNT = ("pixel_", "anchor_generator", "num_batches_tracked")
"""In the names of buffers that the configuration sets, or that nothing reads."""


def load_network(bundle: Bundle, device: str = "cpu") -> nn.Module:
    """The network of a bundle, in evaluation mode, on a device.

    A detectron2 bundle has Detectron2's YAML as `config` and a state dict as `weights`: a .pth read
    with weights_only=True, or a model zoo .pkl of plain arrays. An ONNX bundle says its
    architecture in the manifest's `network`, and its weights are taken from the graph.

    Raises: BadBundle when weights and architecture do not belong together.
    """
    manifest = bundle.manifest
    if manifest.framework == "onnx":
        if manifest.network is None:
            raise BadBundle(
                f"{bundle.identity} is an ONNX graph alone: without `network` in its manifest it "
                "cannot be rebuilt for Detectron2, which is what runs on a GPU"
            )
        network = build_model(detectron2_config(manifest.network, len(manifest.classes), device))
        state: Mapping[str, Tensor] = weights_from_onnx(bundle.weights, network)
    else:
        network = build_model(_own_config(bundle, device))
        state = _state_dict(bundle.weights)
    _fill(network, state, bundle.identity)
    keep_from_cudnn(network)
    return network.eval()


def _own_config(bundle: Bundle, device: str) -> CfgNode:
    if bundle.manifest.config is None:
        raise BadBundle(f"{bundle.identity}: a detectron2 bundle names its config")
    cfg = get_cfg()
    cfg.merge_from_file(str(bundle.folder / bundle.manifest.config.path))
    cfg.MODEL.WEIGHTS = ""
    cfg.MODEL.DEVICE = device
    return cfg


def _fill(network: nn.Module, state: Mapping[str, Tensor], identity: str) -> None:
    wanted = {
        name: tensor
        for name, tensor in network.state_dict().items()
        if not any(word in name for word in NOT_LEARNT)
    }
    missing = wanted.keys() - state.keys()
    if missing:
        raise BadBundle(f"{identity}: {len(missing)} tensors missing, {min(missing)}")
    for name, tensor in wanted.items():
        if tensor.shape != state[name].shape:
            raise BadBundle(
                f"{identity}: {name} has shape {tuple(state[name].shape)}, not "
                f"{tuple(tensor.shape)}"
            )
    network.load_state_dict({name: state[name] for name in wanted}, strict=False)


def _state_dict(path: Path) -> dict[str, Any]:
    if path.suffix == ".pkl":
        arrays = read_arrays(path.read_bytes())
        return {name: torch.from_numpy(np.asarray(value)) for name, value in arrays.items()}
    state = torch.load(path, map_location="cpu", weights_only=True)
    return state.get("model", state)  # type: ignore[no-any-return]
