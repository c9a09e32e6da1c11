"""Detectron2's configuration of our networks."""

from detectron2 import model_zoo
from detectron2.config import CfgNode, get_cfg

from carpose.bundles import Network
from carpose.mask_rcnn.heads import FineMaskROIHeads, SeparableRPNHead
from carpose.mask_rcnn.mobilenet import build_mobilenet_v2_fpn_backbone

R50 = "COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_3x.yaml"

LOWEST_SCORE = 0.02
"""Of a detection's class; what is served starts higher."""


def detectron2_config(network: Network, classes: int, device: str = "cpu") -> CfgNode:
    """Detectron2's configuration, not frozen, of a network for so many classes."""
    cfg = get_cfg()
    cfg.merge_from_file(model_zoo.get_config_file(R50))
    m = cfg.MODEL
    if network.backbone == "mobilenet_v2":
        m.BACKBONE.NAME = build_mobilenet_v2_fpn_backbone.__name__
        m.PIXEL_MEAN = [127.5] * 3
        m.PIXEL_STD = [127.5] * 3
        cfg.INPUT.FORMAT = "RGB"
        m.FPN.OUT_CHANNELS = network.fpn_channels
        m.ROI_BOX_HEAD.FC_DIM = network.fc_channels
        m.ROI_MASK_HEAD.NUM_CONV = network.mask_convs
        m.ROI_MASK_HEAD.CONV_DIM = network.mask_channels
        m.ROI_MASK_HEAD.POOLER_RESOLUTION = network.mask_pooling
        m.ROI_BOX_HEAD.POOLER_SAMPLING_RATIO = network.box_samples
        if network.separable_rpn:
            m.RPN.HEAD_NAME = SeparableRPNHead.__name__
        m.FPN.SEPARABLE = list(network.separable_fpn)
    m.ROI_MASK_HEAD.CLS_AGNOSTIC_MASK = network.class_agnostic
    m.ROI_BOX_HEAD.CLS_AGNOSTIC_BBOX_REG = network.class_agnostic
    if network.mask_level is not None:
        m.ROI_HEADS.NAME = FineMaskROIHeads.__name__
        m.ROI_MASK_HEAD.IN_FEATURES = [f"p{network.mask_level}"]
    m.WEIGHTS = ""
    m.DEVICE = device
    m.RPN.IN_FEATURES = [f"p{level}" for level in range(network.finest_level, 7)]
    m.ROI_HEADS.IN_FEATURES = m.RPN.IN_FEATURES[:-1]
    m.ANCHOR_GENERATOR.SIZES = [[s] for s in network.anchor_sizes]
    m.RPN.POST_NMS_TOPK_TEST = network.test_proposals
    m.RPN.PRE_NMS_TOPK_TEST = network.test_proposals
    m.ROI_HEADS.NUM_CLASSES = classes
    m.ROI_HEADS.SCORE_THRESH_TEST = LOWEST_SCORE
    cfg.TEST.DETECTIONS_PER_IMAGE = network.max_detections
    return cfg
