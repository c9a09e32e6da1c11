"""Depthwise convolutions that cost a GPU nothing when pictures of another shape come."""

from collections.abc import Callable

import torch
from torch import Tensor, nn


def keep_from_cudnn(network: nn.Module) -> None:
    """Let PyTorch's own kernels do a network's depthwise convolutions while it does not learn.

    cuDNN compiles a kernel for each of them and each shape that it meets: 0.15 to 0.24 s, or 3 s
    for a network that sees a batch of another size or photos of another aspect. A GPU that
    answers stands still for that; one that learns sees the same shape all the time.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and module.groups > 1:
            module.forward = _kept(module, module.forward)


def _kept(module: nn.Module, forward: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    def kept(pixels: Tensor) -> Tensor:
        # A compiled network has kernels of its own, and would be cut in pieces here.
        if module.training or torch.compiler.is_compiling():
            return forward(pixels)
        with torch.backends.cudnn.flags(enabled=False):
            return forward(pixels)

    return kept
