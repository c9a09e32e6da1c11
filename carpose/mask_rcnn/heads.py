"""Lighter heads than Detectron2's own, registered under their class names."""

from typing import Any

from detectron2.config import CfgNode
from detectron2.layers import Conv2d, ShapeSpec
from detectron2.modeling import ROI_HEADS_REGISTRY
from detectron2.modeling.proposal_generator import RPN_HEAD_REGISTRY
from detectron2.modeling.proposal_generator.rpn import StandardRPNHead
from detectron2.modeling.roi_heads import StandardROIHeads
from torch import nn


@RPN_HEAD_REGISTRY.register()
class SeparableRPNHead(StandardRPNHead):
    """The region proposal head with a depthwise and a pointwise convolution for its 3x3 one.

    "Something is here" is an easy question, and a full convolution of 128 channels on the finest
    level costs more than the whole MobileNetV2 below it. Factors as in MobileNets (Howard et al.
    2017): 1/channels + 1/9 of the multiplications.
    """

    def _get_rpn_conv(self, in_channels: int, out_channels: int) -> nn.Module:
        return nn.Sequential(
            Conv2d(in_channels, in_channels, kernel_size=3, padding=1, groups=in_channels),
            Conv2d(in_channels, out_channels, kernel_size=1, activation=nn.ReLU()),
        )


@ROI_HEADS_REGISTRY.register()
class FineMaskROIHeads(StandardROIHeads):
    """Masks are pooled from one fine pyramid level (`MODEL.ROI_MASK_HEAD.IN_FEATURES`), whatever an
    object's size.

    The usual rule sends an object that fills the picture to a level of stride 16, where its
    outline is lost; PointRend (Kirillov et al. 2020) pools coarse masks from p2 for that reason.
    """

    @classmethod
    def _init_mask_head(cls, cfg: CfgNode, input_shape: dict[str, ShapeSpec]) -> dict[str, Any]:
        fine = cfg.clone()
        fine.defrost()
        fine.MODEL.ROI_HEADS.IN_FEATURES = cfg.MODEL.ROI_MASK_HEAD.IN_FEATURES
        heads: dict[str, Any] = super()._init_mask_head(fine, input_shape)
        return heads
