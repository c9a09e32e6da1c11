"""Weights of an exported network, to run or train it in Detectron2 again.

The exporter folds each batch norm of the backbone into the convolution before it, so the network
that is rebuilt has batch norms that change nothing but add the folded bias. Its output is the
bundle's, to the last bits.
"""

from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from carpose.errors import BadBundle
from carpose.mask_rcnn.mobilenet import RANK

PREFIX = "model."
"""What the tracing adapter puts before a tensor's name."""

EPSILON = 1e-5
"""Of FrozenBatchNorm2d, which divides by sqrt(variance + EPSILON)."""


def weights_from_onnx(path: Path, model: nn.Module) -> dict[str, Tensor]:
    """State dict for `model`, a network with the bundle's backbone, from its ONNX file.

    Raises: BadBundle when the graph's convolutions are not those of `model`.
    """
    graph = onnx.load(str(path)).graph
    tensors = {i.name: torch.from_numpy(numpy_helper.to_array(i).copy()) for i in graph.initializer}
    # Equal tensors are stored once; the others are named as what they are equal to.
    for node in graph.node:
        if node.op_type == "Identity" and node.input[0] in tensors:
            tensors[node.output[0]] = tensors[node.input[0]]
    own = model.state_dict()
    state = {
        name.removeprefix(PREFIX): tensor
        for name, tensor in tensors.items()
        if name.startswith(PREFIX)
    }
    state |= _joined(state)
    # Folded convolutions lost their names; they come in the order in which the backbone runs.
    folded = [
        (tensors[node.input[1]], tensors[node.input[2]])
        for node in graph.node
        if node.op_type == "Conv" and node.input[1] not in own and len(node.input) == 3
        if not node.input[1].startswith(PREFIX)
    ]
    convolutions = [
        name
        for name, tensor in own.items()
        if ".bottom_up." in name and name.endswith(".weight") and tensor.ndim == 4
    ]
    if [own[name].shape for name in convolutions] != [weight.shape for weight, _ in folded]:
        raise BadBundle(f"{path} holds another backbone than the configured one")
    for name, (weight, bias) in zip(convolutions, folded, strict=True):
        base, index = name.removesuffix(".weight").rsplit(".", 1)
        norm = f"{base}.{int(index) + 1}"
        state[name] = weight
        state[f"{norm}.weight"] = torch.full_like(bias, (1 + EPSILON) ** 0.5)
        state[f"{norm}.bias"] = bias
        state[f"{norm}.running_mean"] = torch.zeros_like(bias)
        state[f"{norm}.running_var"] = torch.ones_like(bias)
    return state


def _joined(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The separable convolutions, as they were before the export wrote each, for ONNX Runtime's
    sake, as `RANK` depthwise ones side by side: filter k of every channel in the k-th of them."""
    joined: dict[str, Tensor] = {}
    for first in [name for name in state if name.endswith(".0.weight.0")]:
        base = first.removesuffix(".0.weight.0")
        for tensor in ("weight", "bias"):
            parts = [state[f"{base}.0.{tensor}.{k}"] for k in range(RANK)]
            joined[f"{base}.0.{tensor}"] = torch.stack(parts, 1).flatten(0, 1)
        mixed = state[f"{base}.1.weight"]
        joined[f"{base}.1.weight"] = torch.stack(mixed.chunk(RANK, 1), 2).flatten(1, 2)
    return joined
