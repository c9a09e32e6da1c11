"""Lighter heads than Detectron2's own, registered under their class names."""

from typing import Any

import torch
from detectron2.config import CfgNode, configurable
from detectron2.layers import Conv2d, ShapeSpec
from detectron2.modeling import ROI_HEADS_REGISTRY
from detectron2.modeling.proposal_generator import (
    PROPOSAL_GENERATOR_REGISTRY,
    RPN,
    RPN_HEAD_REGISTRY,
)
from detectron2.modeling.proposal_generator.rpn import StandardRPNHead
from detectron2.modeling.roi_heads import StandardROIHeads
from detectron2.structures import Boxes, Instances, pairwise_iou
from torch import nn

NEAR = 0.1
"""IoU with an annotated object from which a place of a partly annotated picture is known not to
be another one."""

RANK = 2
"""Depthwise filters a channel in place of a full 3x3 convolution."""


def separable(in_channels: int, out_channels: int) -> nn.Sequential:
    """`RANK` depthwise 3x3 filters a channel and a pointwise convolution, for a full 3x3 one: a
    quarter of the multiplications."""
    return nn.Sequential(
        Conv2d(in_channels, in_channels * RANK, kernel_size=3, padding=1, groups=in_channels),
        Conv2d(in_channels * RANK, out_channels, kernel_size=1),
    )


def factors(weight: torch.Tensor, bias: torch.Tensor) -> dict[str, torch.Tensor]:
    """State dict for `separable` nearest to a 3x3 convolution, weight (out, in, 3, 3).

    What one input channel gives to all outputs is an (out, 9) matrix; its best approximation of
    rank r is r spatial filters and their weights in every output (Eckart and Young 1936).
    """
    out, channels = weight.shape[:2]
    u, s, v = torch.linalg.svd(weight.permute(1, 0, 2, 3).reshape(channels, out, 9), False)
    strength = s[:, :RANK].sqrt()
    depthwise = (v[:, :RANK] * strength[..., None]).reshape(channels * RANK, 1, 3, 3)
    pointwise = (u[..., :RANK] * strength[:, None]).permute(1, 0, 2)
    return {
        "0.weight": depthwise.contiguous(),
        "0.bias": torch.zeros(channels * RANK),
        "1.weight": pointwise.reshape(out, channels * RANK, 1, 1).contiguous(),
        "1.bias": bias,
    }


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


@PROPOSAL_GENERATOR_REGISTRY.register()
class PartialRPN(RPN):
    """Region proposals from pictures of which some are annotated in part (`gt_partial`).

    There, places without a label are left out of the loss, and objects that are known to be of no
    class (labelled with the number of classes) are background.
    """

    @configurable
    def __init__(self, *, num_classes: int, **options: Any) -> None:
        super().__init__(**options)
        self.num_classes = num_classes

    @classmethod
    def from_config(cls, cfg: CfgNode, input_shape: dict[str, ShapeSpec]) -> dict[str, Any]:
        """See detectron2's RPN."""
        options = super().from_config(cfg, input_shape)
        return {**options, "num_classes": cfg.MODEL.ROI_HEADS.NUM_CLASSES}

    @torch.no_grad()
    def label_and_sample_anchors(
        self, anchors: list[Boxes], gt_instances: list[Instances]
    ) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """See detectron2's RPN."""
        known = [i[i.gt_classes < self.num_classes] if len(i) else i for i in gt_instances]
        labels, boxes = super().label_and_sample_anchors(anchors, known)
        everywhere = Boxes.cat(anchors)
        for label, instances in zip(labels, gt_instances, strict=True):
            if len(instances) and bool(instances.gt_partial[0]):
                near = pairwise_iou(instances.gt_boxes, everywhere).amax(dim=0) >= NEAR
                label[(label == 0) & ~near] = -1
        return labels, boxes


@ROI_HEADS_REGISTRY.register()
class PartialROIHeads(StandardROIHeads):
    """Heads for pictures of which some are annotated in part (see `PartialRPN`), and for objects
    with a box but no mask (`gt_has_mask`)."""

    @torch.no_grad()
    def label_and_sample_proposals(
        self, proposals: list[Instances], targets: list[Instances]
    ) -> list[Instances]:
        """See detectron2's ROIHeads."""
        sampled = []
        for chosen, target in zip(
            super().label_and_sample_proposals(proposals, targets), targets, strict=True
        ):
            if len(target) and bool(target.gt_partial[0]):
                overlap = pairwise_iou(chosen.proposal_boxes, target.gt_boxes).amax(dim=1)
                chosen = chosen[(chosen.gt_classes < self.num_classes) | (overlap >= NEAR)]
            sampled.append(chosen)
        return sampled

    def _forward_mask(
        self, features: dict[str, torch.Tensor], instances: list[Instances]
    ) -> dict[str, torch.Tensor] | list[Instances]:
        if self.training:
            # Of objects with a box only, nothing is known that a mask could be held against.
            instances = [i[i.gt_has_mask] if i.has("gt_has_mask") else i for i in instances]
        found: dict[str, torch.Tensor] | list[Instances]
        found = super()._forward_mask(features, instances)
        return found


@ROI_HEADS_REGISTRY.register()
class FineMaskROIHeads(PartialROIHeads):
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
        head: dict[str, Any] = super()._init_mask_head(fine, input_shape)
        return head
