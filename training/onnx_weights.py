"""Weights of an exported network, to go on training from a bundle.

The exporter folds each batch norm of the backbone into the convolution before it, so the network
that is rebuilt has batch norms that change nothing but add the folded bias. Its output is the
bundle's, to the last bits.
"""

from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import nn

from training.errors import TrainingError

PREFIX = "model."
"""What the tracing adapter puts before a tensor's name."""

EPSILON = 1e-5
"""Of FrozenBatchNorm2d, which divides by sqrt(variance + EPSILON)."""


def weights_from_onnx(path: Path, model: nn.Module) -> dict[str, torch.Tensor]:
    """State dict for `model`, a network with the bundle's backbone, from its ONNX file.

    Raises: TrainingError when the graph's convolutions are not those of `model`.
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
        raise TrainingError(f"{path} holds another backbone than the configured one")
    for name, (weight, bias) in zip(convolutions, folded, strict=True):
        base, index = name.removesuffix(".weight").rsplit(".", 1)
        norm = f"{base}.{int(index) + 1}"
        state[name] = weight
        state[f"{norm}.weight"] = torch.full_like(bias, (1 + EPSILON) ** 0.5)
        state[f"{norm}.bias"] = bias
        state[f"{norm}.running_mean"] = torch.zeros_like(bias)
        state[f"{norm}.running_var"] = torch.ones_like(bias)
    return state
