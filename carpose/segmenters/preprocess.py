"""What Mask R-CNN reads: shared by all frameworks."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from carpose.bundles import ModelInput
from carpose.images import Picture


def network_input(picture: Picture, spec: ModelInput) -> NDArray[np.float32]:
    """(3, h, w) float32, 0 to 255, longest side `spec.size`, in the network's channel order."""
    height, width = picture.pixels.shape[:2]
    scale = spec.size / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    resized = Image.fromarray(picture.pixels).resize(size, Image.Resampling.BILINEAR)
    chw = np.asarray(resized, np.float32).transpose(2, 0, 1)
    return np.ascontiguousarray(chw if spec.channels == "RGB" else chw[::-1])
