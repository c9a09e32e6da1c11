"""The design of the original AWS sample: two Mask R-CNN R50-FPN of Detectron2, one after the other.

    python -m benchmarks.peers.original --port 8100 [--rebuild]

With `--rebuild` both are built for every request, as the sample does it. Needs Detectron2; weights
are random, so nothing is found and no mask computed, in its favour.
"""

import io
import json

import numpy as np
import torch
from detectron2 import model_zoo
from detectron2.data.transforms import ResizeShortestEdge
from detectron2.modeling import build_model
from PIL import Image
from torch import nn

from benchmarks.peers.server import arguments, serve

CONFIG = "COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_3x.yaml"
CLASSES = 80, 18


def network(classes: int) -> nn.Module:
    """One of the two."""
    config = model_zoo.get_config(CONFIG)
    config.MODEL.DEVICE = "cpu"
    config.MODEL.ROI_HEADS.NUM_CLASSES = classes
    config.MODEL.ROI_HEADS.SCORE_THRESH_TEST = 0.5
    model: nn.Module = build_model(config).eval()
    return model


def main() -> None:
    """Command line."""
    parser = arguments(__doc__)
    parser.add_argument("--rebuild", action="store_true")
    args = parser.parse_args()
    kept = [] if args.rebuild else [network(classes) for classes in CLASSES]
    resize = ResizeShortestEdge([800, 800], 1333)

    def answer(content: bytes) -> str:
        pixels = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))[:, :, ::-1]
        small = resize.get_transform(pixels).apply_image(pixels)
        tensor = torch.as_tensor(
            np.ascontiguousarray(small.transpose(2, 0, 1)), dtype=torch.float32
        )
        height, width = pixels.shape[:2]
        found = []
        for model in kept or map(network, CLASSES):
            with torch.no_grad():
                outputs = model([{"image": tensor, "height": height, "width": width}])
            found.append(len(outputs[0]["instances"]))
        return json.dumps(found)

    serve(answer, args.port, photos=1)


if __name__ == "__main__":
    main()
