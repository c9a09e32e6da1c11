"""Heads that learn from pictures of which some are annotated in part, and separable filters from
full ones."""

from typing import Any, Final

import torch
from detectron2.config import CfgNode, configurable
from detectron2.layers import ShapeSpec
from detectron2.modeling import ROI_HEADS_REGISTRY
from detectron2.modeling.proposal_generator import PROPOSAL_GENERATOR_REGISTRY, RPN
from detectron2.modeling.roi_heads import StandardROIHeads
from detectron2.structures import Boxes, Instances, pairwise_iou

from carpose.mask_rcnn.heads import FineMaskROIHeads
from carpose.mask_rcnn.mobilenet import RANK

NEAR = 0.1
"""IoU with an annotated object from which a place of a partly annotated picture is known not to
be another one."""


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
class PartialFineMaskROIHeads(FineMaskROIHeads, PartialROIHeads):
    """Both in one."""


LEARNING: Final = {
    kind.__name__: served
    for kind, served in (
        (PartialRPN, RPN.__name__),
        (PartialROIHeads, StandardROIHeads.__name__),
        (PartialFineMaskROIHeads, FineMaskROIHeads.__name__),
    )
}
"""Classes that only learn otherwise than the ones they extend, whose names follow."""
