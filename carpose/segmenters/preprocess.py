"""What Mask R-CNN reads: shared by all frameworks."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from carpose.bundles import ModelInput
from carpose.images import Picture


def network_shape(picture: Picture, spec: ModelInput) -> tuple[int, int]:
    """Height and width of a picture whose longest side is scaled to `spec.size`."""
    height, width = picture.pixels.shape[:2]
    scale = spec.size / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def network_input(picture: Picture, spec: ModelInput) -> NDArray[np.float32]:
    """(3, h, w) float32, 0 to 255, of `network_shape`, in the network's channel order."""
    height, width = network_shape(picture, spec)
    resized = Image.fromarray(picture.pixels).resize((width, height), Image.Resampling.BILINEAR)
    chw = np.asarray(resized, np.float32).transpose(2, 0, 1)
    return np.ascontiguousarray(chw if spec.channels == "RGB" else chw[::-1])
