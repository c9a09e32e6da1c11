"""MobileNetV2 under a feature pyramid, as a backbone of Detectron2's registry."""

from typing import Any, ClassVar

from detectron2.config import CfgNode
from detectron2.layers import Conv2d, FrozenBatchNorm2d, ShapeSpec
from detectron2.modeling import BACKBONE_REGISTRY, Backbone
from detectron2.modeling.backbone.fpn import FPN, LastLevelMaxPool
from torch import Tensor, nn
from torchvision.models import mobilenet_v2

RANK = 2
"""Depthwise filters a channel in place of a full 3x3 convolution."""


class MobileNetV2(Backbone):
    """torchvision's MobileNetV2 `features`, tapped at strides 4, 8, 16 and 32."""

    # index of the last block at each stride -> (name, channels, stride)
    taps: ClassVar = {
        3: ("res2", 24, 4),
        6: ("res3", 32, 8),
        13: ("res4", 96, 16),
        17: ("res5", 320, 32),
    }

    def __init__(self) -> None:
        super().__init__()
        # The last 1x1 convolution (320 to 1280 channels) serves classification only.
        features = mobilenet_v2(weights=None).features[:18]
        self.features = FrozenBatchNorm2d.convert_frozen_batchnorm(features)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """(B, 3, H, W) -> feature maps by name."""
        out = {}
        for index, block in enumerate(self.features):
            x = block(x)
            if index in self.taps:
                out[self.taps[index][0]] = x
        return out

    def output_shape(self) -> dict[str, Any]:
        """Channels and stride by name."""
        return {name: ShapeSpec(channels=c, stride=s) for name, c, s in self.taps.values()}


def separable(in_channels: int, out_channels: int) -> nn.Sequential:
    """`RANK` depthwise 3x3 filters a channel and a pointwise convolution, for a full 3x3 one: a
    quarter of the multiplications."""
    return nn.Sequential(
        Conv2d(in_channels, in_channels * RANK, kernel_size=3, padding=1, groups=in_channels),
        Conv2d(in_channels * RANK, out_channels, kernel_size=1),
    )


@BACKBONE_REGISTRY.register()
def build_mobilenet_v2_fpn_backbone(cfg: CfgNode, input_shape: ShapeSpec) -> FPN:
    """Feature pyramid on MobileNetV2, for Detectron2's registry."""
    channels = cfg.MODEL.FPN.OUT_CHANNELS
    fpn = FPN(
        bottom_up=MobileNetV2(),
        in_features=["res2", "res3", "res4", "res5"],
        out_channels=channels,
        norm="",
        top_block=LastLevelMaxPool(),
        fuse_type="sum",
    )
    for level in cfg.MODEL.FPN.SEPARABLE:
        convolution = separable(channels, channels)
        setattr(fpn, f"fpn_output{level}", convolution)
        # From the coarsest, 5, to the finest, 2.
        fpn.output_convs[5 - level] = convolution
    return fpn
