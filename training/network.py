"""The networks: Mask R-CNN from Detectron2 on a small MobileNetV2-FPN or on R50-FPN.

Detectron2 is a checkout on PYTHONPATH or an installed package; see training/README.md.
"""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from detectron2 import model_zoo
from detectron2.checkpoint import DetectionCheckpointer
from detectron2.config import CfgNode, get_cfg
from detectron2.layers import FrozenBatchNorm2d, ShapeSpec
from detectron2.modeling import BACKBONE_REGISTRY, Backbone, build_model
from detectron2.modeling.backbone.fpn import FPN, LastLevelMaxPool
from detectron2.structures import BitMasks, Boxes, Instances
from torch import nn
from torchvision.models import MobileNet_V2_Weights, mobilenet_v2

from carpose.bundles import open_bundle
from training.config import TrainConfig
from training.errors import TrainingError
from training.examples import Example
from training.heads import (
    FineMaskROIHeads,
    PartialROIHeads,
    PartialRPN,
    SeparableRPNHead,
    factors,
    separable,
)
from training.onnx_weights import weights_from_onnx

R50 = "COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_3x.yaml"


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

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        """(B, 3, H, W) -> feature maps by name."""
        out = {}
        for index, block in enumerate(self.features):
            x = block(x)
            if index in self.taps:
                out[self.taps[index][0]] = x
        return out

    def output_shape(self) -> dict[str, ShapeSpec]:
        """Channels and stride by name."""
        return {name: ShapeSpec(channels=c, stride=s) for name, c, s in self.taps.values()}


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


def detectron2_config(config: TrainConfig, device: str = "cpu") -> CfgNode:
    """Detectron2's configuration for a run's network."""
    cfg = get_cfg()
    cfg.merge_from_file(model_zoo.get_config_file(R50))
    m, model = cfg.MODEL, config.model
    if model.backbone == "mobilenet_v2":
        m.BACKBONE.NAME = "build_mobilenet_v2_fpn_backbone"
        m.PIXEL_MEAN = [127.5] * 3
        m.PIXEL_STD = [127.5] * 3
        cfg.INPUT.FORMAT = "RGB"
        m.FPN.OUT_CHANNELS = model.fpn_channels
        m.ROI_BOX_HEAD.FC_DIM = model.fc_channels
        m.ROI_MASK_HEAD.NUM_CONV = model.mask_convs
        m.ROI_MASK_HEAD.CONV_DIM = model.mask_channels
        m.ROI_MASK_HEAD.POOLER_RESOLUTION = model.mask_pooling
        m.ROI_BOX_HEAD.POOLER_SAMPLING_RATIO = model.box_samples
        if model.separable_rpn:
            m.RPN.HEAD_NAME = SeparableRPNHead.__name__
        m.FPN.SEPARABLE = list(model.separable_fpn)
    if config.task == "main_car":
        m.PROPOSAL_GENERATOR.NAME = PartialRPN.__name__
        m.ROI_HEADS.NAME = PartialROIHeads.__name__
        # A turned car has the outline that it has: one mask and one box for all four classes.
        m.ROI_MASK_HEAD.CLS_AGNOSTIC_MASK = True
        m.ROI_BOX_HEAD.CLS_AGNOSTIC_BBOX_REG = True
    if model.mask_level is not None:
        m.ROI_HEADS.NAME = FineMaskROIHeads.__name__
        m.ROI_MASK_HEAD.IN_FEATURES = [f"p{model.mask_level}"]
    m.WEIGHTS = ""
    m.DEVICE = device
    m.RPN.IN_FEATURES = [f"p{level}" for level in range(model.finest_level, 7)]
    m.ROI_HEADS.IN_FEATURES = m.RPN.IN_FEATURES[:-1]
    m.ANCHOR_GENERATOR.SIZES = [[s] for s in model.anchor_sizes]
    m.RPN.POST_NMS_TOPK_TRAIN = model.train_proposals
    m.RPN.POST_NMS_TOPK_TEST = model.test_proposals
    m.RPN.PRE_NMS_TOPK_TRAIN = 2 * model.train_proposals
    m.RPN.PRE_NMS_TOPK_TEST = model.test_proposals
    m.ROI_HEADS.BATCH_SIZE_PER_IMAGE = model.rois_per_image
    m.ROI_HEADS.NUM_CLASSES = len(config.labels)
    m.ROI_HEADS.SCORE_THRESH_TEST = 0.02
    cfg.TEST.DETECTIONS_PER_IMAGE = model.max_detections
    cfg.freeze()
    return cfg


def build(config: TrainConfig, init: str | Path | None = None, device: str = "cpu") -> nn.Module:
    """A network with its starting weights.

    `init` takes the place of `config.init`: one of its words, a bundle's folder or URI, or a local
    file: a state dict of MobileNetV2 `features`, of a whole network of ours, or a Detectron2
    checkpoint. Tensors whose shape does not fit (another number of classes, say) start fresh.

    Raises: TrainingError when nothing in `init` fits the network.
    """
    torch.manual_seed(config.seed)
    model = build_model(detectron2_config(config, device))
    start = str(init or config.init)
    if start == "scratch":
        return model
    state = _starting_weights(start, model)
    if state is None:
        return model
    own = model.state_dict()
    # A plain backbone names its tensors "0.0.weight" or "features.0.0.weight".
    prefixed = {
        f"backbone.bottom_up.features.{k.removeprefix('features.')}": v for k, v in state.items()
    }
    known = {**prefixed, **state}
    for level in config.model.separable_fpn:
        name = f"backbone.fpn_output{level}"
        full = known.get(f"{name}.weight")
        if full is not None and f"{name}.0.weight" not in known:
            known |= {f"{name}.{k}": v for k, v in factors(full, known[f"{name}.bias"]).items()}
    fitting = {k: v for k, v in known.items() if k in own and own[k].shape == v.shape}
    if not fitting:
        raise TrainingError(f"no tensor of {start} fits this network")
    model.load_state_dict(fitting, strict=False)
    return model


def _starting_weights(start: str, model: nn.Module) -> dict[str, torch.Tensor] | None:
    """State dict by torch's names; None when Detectron2 has put it into `model` itself."""
    if start == "imagenet":
        return dict(MobileNet_V2_Weights.IMAGENET1K_V2.get_state_dict(True, check_hash=True))
    if start == "model_zoo":
        DetectionCheckpointer(model).load(model_zoo.get_checkpoint_url(R50))
        return None
    if start.endswith((".pth", ".pt")):
        state = torch.load(start, map_location="cpu", weights_only=True)
        inner: dict[str, torch.Tensor] = state.get("model", state)
        return inner
    if start.endswith(".pkl"):
        DetectionCheckpointer(model).load(start)
        return None
    weights = open_bundle(start).weights
    if weights.suffix == ".onnx":
        return weights_from_onnx(weights, model)
    whole: dict[str, torch.Tensor] = torch.load(weights, map_location="cpu", weights_only=True)
    return whole


def training_input(example: Example, bgr: bool) -> dict[str, Any]:
    """Detectron2's input of one example.

    Beside Detectron2's own fields, `gt_has_mask` says which objects' masks are known, and
    `gt_partial` that what carries no label teaches nothing (training.heads).
    """
    picture, known, boxed = example.picture, len(example.masks), len(example.boxes)
    height, width = picture.shape[:2]
    bits = BitMasks(torch.from_numpy(example.masks.astype(bool)))
    boxes = bits.get_bounding_boxes().tensor if known else torch.zeros(0, 4)
    blank = torch.zeros(boxed, height, width, dtype=torch.bool)
    instances = Instances((height, width))
    instances.gt_masks = BitMasks(torch.cat([bits.tensor, blank]))
    instances.gt_boxes = Boxes(torch.cat([boxes, torch.from_numpy(example.boxes)]))
    instances.gt_classes = torch.from_numpy(np.concatenate([example.labels, example.box_labels]))
    instances.gt_has_mask = torch.arange(known + boxed) < known
    instances.gt_partial = torch.full((known + boxed,), example.partial)
    if bgr:
        picture = picture[..., ::-1]
    chw = torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))
    return {"image": chw, "instances": instances, "height": height, "width": width}
