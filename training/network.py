"""The networks: Mask R-CNN from Detectron2 on a small MobileNetV2-FPN or on R50-FPN.

Detectron2 is a checkout on PYTHONPATH or an installed package; see training/README.md.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from detectron2 import model_zoo
from detectron2.checkpoint import DetectionCheckpointer
from detectron2.config import CfgNode
from detectron2.modeling import build_model
from detectron2.structures import BitMasks, Boxes, Instances
from torch import nn
from torchvision.models import MobileNet_V2_Weights

from carpose.bundles import open_bundle
from carpose.mask_rcnn.configuration import R50
from carpose.mask_rcnn.configuration import detectron2_config as configured
from carpose.mask_rcnn.depthwise import keep_from_cudnn
from carpose.mask_rcnn.onnx_weights import weights_from_onnx
from training.config import TrainConfig
from training.errors import TrainingError
from training.examples import Example
from training.heads import LEARNING, factors


def detectron2_config(config: TrainConfig, device: str = "cpu") -> CfgNode:
    """Detectron2's configuration for a run's network."""
    cfg = configured(config.network, len(config.labels), device)
    m, model = cfg.MODEL, config.model
    if config.task == "main_car":
        # Its photos are annotated in part; what learns so runs as what it extends.
        partial = {served: kind for kind, served in LEARNING.items()}
        m.PROPOSAL_GENERATOR.NAME = partial[m.PROPOSAL_GENERATOR.NAME]
        m.ROI_HEADS.NAME = partial[m.ROI_HEADS.NAME]
    m.RPN.POST_NMS_TOPK_TRAIN = model.train_proposals
    m.RPN.PRE_NMS_TOPK_TRAIN = 2 * model.train_proposals
    m.ROI_HEADS.BATCH_SIZE_PER_IMAGE = model.rois_per_image
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
    keep_from_cudnn(model)
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
