"""Which kernels do a network's convolutions: torch is enough, and no GPU is needed to see it."""

import pytest

pytest.importorskip("torch", reason="needs: make test-train")

import torch
from torch import nn

from carpose.mask_rcnn.depthwise import keep_from_cudnn


@pytest.mark.parametrize(
    ("learns", "by_cudnn"),
    [(False, {1: True, 4: False}), (True, {1: True, 4: True})],
    ids=["answers", "learns"],
)
def test_cudnn_is_kept_from_depthwise_convolutions_alone(
    learns: bool, by_cudnn: dict[int, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, convolve = {}, nn.Conv2d._conv_forward

    def watched(self: nn.Conv2d, *args: object) -> object:
        seen[self.groups] = torch.backends.cudnn.enabled
        return convolve(self, *args)

    monkeypatch.setattr(nn.Conv2d, "_conv_forward", watched)
    network = nn.Sequential(nn.Conv2d(4, 4, 3, groups=4), nn.Conv2d(4, 8, 1)).train(learns)
    pixels = torch.rand(2, 4, 9, 9)
    before = network(pixels)
    keep_from_cudnn(network)
    assert torch.equal(network(pixels), before)
    assert seen == by_cudnn
    assert torch.backends.cudnn.enabled
